/**
 * Names that others chose, cut so that they fit.
 */

/** `text` of at most `limit` characters, an ellipsis in place of its middle. */
export function cutMiddle(text: string, limit: number): string {
  // By code points: half of a surrogate pair is no character.
  const characters = Array.from(text);
  if (characters.length <= limit) {
    return text;
  }
  const kept = Math.max(limit - 1, 2);
  const head = Math.ceil(kept / 2);
  return (
    characters.slice(0, head).join('') +
    '…' +
    characters.slice(characters.length - (kept - head)).join('')
  );
}
