/**
 * Names as an enumeration in a sentence.
 */
import { TranslationBundle } from '@jupyterlab/translation';

import { named } from './untrusted';

/** `a`, `a and b`, `a, b and c`; of many, the first and how many more. */
export function listed(
  names: readonly string[],
  trans: TranslationBundle,
  most = 6
): string {
  const shown = names
    .slice(0, names.length > most ? most - 1 : most)
    .map(named);
  const rest = names.length - shown.length;
  if (rest > 0) {
    shown.push(trans._n('%1 other', '%1 others', rest));
  }
  const last = shown.pop() ?? '';
  return shown.length === 0
    ? last
    : trans.__('%1 and %2', shown.join(', '), last);
}
