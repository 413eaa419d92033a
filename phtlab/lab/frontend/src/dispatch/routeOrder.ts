/**
 * The order of stations on a sequential route, as pure functions.
 */
import { TranslationBundle } from '@jupyterlab/translation';

import { isolateName } from '../text/untrusted';

/** `names` with `name` moved by `steps` towards the end; unchanged if it cannot move there. */
export function moved(
  names: readonly string[],
  name: string,
  steps: -1 | 1
): string[] {
  const from = names.indexOf(name);
  const to = from + steps;
  if (from < 0 || to < 0 || to >= names.length) {
    return [...names];
  }
  const changed = [...names];
  [changed[from], changed[to]] = [changed[to], changed[from]];
  return changed;
}

/** Where a station stands, in words: `cleveland is stop 1 of 3: it begins`. */
export function positionText(
  names: readonly string[],
  name: string,
  trans: TranslationBundle
): string {
  const at = names.indexOf(name);
  const place = trans.__(
    '%1 is stop %2 of %3',
    isolateName(name),
    at + 1,
    names.length
  );
  return at === 0
    ? trans.__('%1: the route begins there.', place)
    : trans.__('%1, after %2.', place, isolateName(names[at - 1]));
}

/** `cleveland, then hungary, then switzerland`: a route in a sentence. */
export function routeSentence(
  names: readonly string[],
  trans: TranslationBundle
): string {
  return names
    .map(isolateName)
    .reduce((route, name) => trans.__('%1, then %2', route, name));
}
