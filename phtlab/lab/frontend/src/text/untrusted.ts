/**
 * Texts that others chose: what cannot be seen in them is shown, and they are cut so that they fit.
 */

/**
 * Control characters, and those that turn the direction of what follows them, zero-width ones and
 * line separators. Joiners stay: scripts need them.
 */
const UNSEEN =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** `text` with characters that nobody sees written out, as `\u202e`; tabs and newlines stay. */
export function printable(text: string): string {
  return text.replace(UNSEEN, character => {
    const code = character.codePointAt(0)!.toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`;
  });
}

/** Long enough for a name in a sentence. */
const NAME = 40;

/** A name in a sentence: cut, and its direction kept to itself. */
export function named(name: string): string {
  return `\u2068${cutMiddle(name, NAME)}\u2069`;
}

/** `text`, printable and of at most `limit` characters, an ellipsis in place of its middle. */
export function cutMiddle(text: string, limit: number): string {
  // Long enough for any limit, whatever becomes of each: nobody waits for megabytes.
  const head = text.length > 4 * limit ? text.slice(0, 2 * limit) : text;
  const tail = text.length > 4 * limit ? text.slice(-2 * limit) : '';
  // By code points: half of a surrogate pair is no character.
  const characters = Array.from(printable(head) + printable(tail));
  if (characters.length <= limit && !tail) {
    return characters.join('');
  }
  const kept = Math.max(limit - 1, 2);
  const front = Math.ceil(kept / 2);
  return (
    characters.slice(0, front).join('') +
    '…' +
    characters.slice(characters.length - (kept - front)).join('')
  );
}

/** `text` with the first twelve digits of each digest in it: whoever compares looks at those. */
export function withShortDigests(text: string): string {
  return text.replace(/\bsha256:([0-9a-f]{12})[0-9a-f]{52}\b/g, 'sha256:$1…');
}
