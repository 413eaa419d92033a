/**
 * Untrusted texts: invisible characters are escaped, long texts are truncated.
 */

/**
 * Control characters, and those that turn the direction of what follows them, zero-width ones and
 * line separators. Joiners stay: scripts need them.
 */
const INVISIBLE =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** `text` with characters that nobody sees written out, as `\u202e`; tabs and newlines stay. */
export function escapeInvisible(text: string): string {
  return text.replace(INVISIBLE, character => {
    const code = character.codePointAt(0)!.toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`;
  });
}

/** Long enough for a name in a sentence. */
const NAME_LIMIT = 40;

/** A name in a sentence: cut, and its direction kept to itself. */
export function isolateName(name: string): string {
  return `\u2068${truncateMiddle(name, NAME_LIMIT)}\u2069`;
}

/** `text`, printable and of at most `limit` characters, an ellipsis in place of its middle. */
export function truncateMiddle(text: string, limit: number): string {
  // Long enough for any limit, whatever becomes of each: nobody waits for megabytes.
  const head = text.length > 4 * limit ? text.slice(0, 2 * limit) : text;
  const tail = text.length > 4 * limit ? text.slice(-2 * limit) : '';
  // By code points: half of a surrogate pair is no character.
  const characters = Array.from(escapeInvisible(head) + escapeInvisible(tail));
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
export function shortenDigests(text: string): string {
  return text.replace(/\bsha256:([0-9a-f]{12})[0-9a-f]{52}\b/g, 'sha256:$1…');
}
