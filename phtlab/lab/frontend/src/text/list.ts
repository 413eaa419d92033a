/**
 * Names as an enumeration in a sentence.
 */
import { TranslationBundle } from '@jupyterlab/translation';

import { isolateName } from './untrusted';

/** `a`, `a and b`, `a, b and c`; of many, the first and how many more. */
export function formatList(
  names: readonly string[],
  trans: TranslationBundle,
  limit = 6
): string {
  const items = names
    .slice(0, names.length > limit ? limit - 1 : limit)
    .map(isolateName);
  const rest = names.length - items.length;
  if (rest > 0) {
    items.push(trans._n('%1 other', '%1 others', rest));
  }
  const last = items.pop() ?? '';
  return items.length === 0
    ? last
    : trans.__('%1 and %2', items.join(', '), last);
}
