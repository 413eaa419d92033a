/**
 * PNG images of stations, checked before the browser decodes them.
 */

/** Pixels beyond which no picture is shown: a few bytes can claim billions. */
const MAX_PIXELS = 50_000_000;
const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** The signature, and the first chunk up to width and height. */
const PNG_HEAD = 24;

/** The address of the picture in `base64`; null if that is no PNG, or a huge one. */
export function pngSource(base64: string): string | null {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64) || base64.length % 4) {
    return null;
  }
  const head = atob(base64.slice(0, (PNG_HEAD / 3) * 4));
  const byte = (at: number) => head.charCodeAt(at);
  const word = (at: number) =>
    ((byte(at) << 24) |
      (byte(at + 1) << 16) |
      (byte(at + 2) << 8) |
      byte(at + 3)) >>>
    0;
  if (
    head.length < PNG_HEAD ||
    PNG_SIGNATURE.some((wanted, at) => byte(at) !== wanted) ||
    head.slice(12, 16) !== 'IHDR' ||
    word(16) * word(20) > MAX_PIXELS
  ) {
    return null;
  }
  return `data:image/png;base64,${base64}`;
}
