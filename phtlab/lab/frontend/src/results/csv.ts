/**
 * Tables as CSV.
 */
import { fullText } from './valueText';

/** CSV that no spreadsheet takes for formulas (OWASP, CSV injection). */
export function toCsv(
  columns: readonly string[],
  rows: readonly unknown[][]
): string {
  return [columns, ...rows]
    .map(row => row.map(value => csvField(value)).join(',') + '\r\n')
    .join('');
}

function csvField(value: unknown): string {
  const text = fullText(value);
  // A negative number is no formula; a text that begins like one may be.
  const safe =
    typeof value !== 'number' && /^[=+\-@\t\r\n]/.test(text)
      ? `'${text}`
      : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}
