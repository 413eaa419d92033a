/**
 * The default folder of exported results.
 */
import { IJourney } from '../server/api';

/** The folder that an export is proposed to go to. */
export function exportFolder(journey: IJourney): string {
  const name = journey.train_name
    .replace(/\.ipynb$/, '')
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
  const day = /^\d{4}-\d{2}-\d{2}/.exec(journey.submitted)?.[0];
  return ['results', name, day, journey.short.slice(0, 6)]
    .filter(part => part)
    .join('-');
}
