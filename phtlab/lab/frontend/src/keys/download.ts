/**
 * Saving a file through the browser's download.
 */
import { IDownload } from '../server/interfaces';

export function saveFile(file: IDownload): void {
  const url = URL.createObjectURL(file.content);
  const link = document.createElement('a');
  link.href = url;
  link.download = file.name;
  link.click();
  // The browser has taken it over by its next turn.
  window.setTimeout(() => URL.revokeObjectURL(url));
}
