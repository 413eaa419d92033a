/**
 * The strength of a passphrase against guessing.
 */
import { TranslationBundle } from '@jupyterlab/translation';

/** As the command line has it: whoever copies a key file may guess as long as they like. */
export const MINIMUM_LENGTH = 12;

/** 0: not accepted. 1 to 3: fair, good, strong. */
export type Strength = 0 | 1 | 2 | 3;

export interface IStrength {
  level: Strength;
  advice: string;
}

/**
 * How well a passphrase withstands guessing, and a word of advice.
 *
 * Only the length is a rule, as on the command line; the rest is advice.
 */
export function passphraseStrength(
  passphrase: string,
  name: string,
  trans: TranslationBundle
): IStrength {
  // As Python counts: code points.
  const length = Array.from(passphrase).length;
  if (length < MINIMUM_LENGTH) {
    return {
      level: 0,
      advice: trans.__(
        'too short: %1 of %2 characters. Four or five random words are good.',
        length,
        MINIMUM_LENGTH
      )
    };
  }
  const lower = passphrase.toLowerCase();
  const effective = effectiveLength(lower, name.toLowerCase());
  if (effective < MINIMUM_LENGTH) {
    return {
      level: 1,
      advice: trans.__(
        'easy to guess: it repeats itself, or is your name. Take words that have nothing to do ' +
          'with you.'
      )
    };
  }
  const parts = lower.split(/[\s\-_.,;:]+/).filter(part => part.length >= 3);
  if (new Set(parts).size >= 4 || effective >= 24) {
    return { level: 3, advice: trans.__('strong') };
  }
  if (new Set(parts).size === 3 || effective >= 16) {
    return {
      level: 2,
      advice: trans.__('good; one more word makes it strong')
    };
  }
  return { level: 1, advice: trans.__('fair; more words make it stronger') };
}

/** The length without what adds nothing to guessing: repetitions, rows of keys, the name. */
function effectiveLength(text: string, name: string): number {
  const bare = name.length >= 3 ? text.split(name).join('') : text;
  const characters = Array.from(bare);
  let length = 0;
  for (let at = 0; at < characters.length; at++) {
    const step = at
      ? characters[at].codePointAt(0)! - characters[at - 1].codePointAt(0)!
      : null;
    const before =
      at > 1
        ? characters[at - 1].codePointAt(0)! -
          characters[at - 2].codePointAt(0)!
        : null;
    const continues =
      step !== null && step === before && Math.abs(step) <= 1 ? true : false;
    length += continues ? 0 : 1;
  }
  // "abcabcabcabc" has three characters.
  return Math.min(length, repeatedUnit(characters));
}

/** The length of the shortest unit that `characters` repeats, else all of them. */
function repeatedUnit(characters: string[]): number {
  for (let unit = 1; unit <= characters.length / 2; unit++) {
    if (
      characters.every((character, at) => character === characters[at % unit])
    ) {
      return unit;
    }
  }
  return characters.length;
}
