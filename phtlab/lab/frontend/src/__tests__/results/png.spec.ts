import { pngSource } from '../../results/png';

describe('pngSource', () => {
  const png = (width: number, height: number, magic = '\x89PNG\r\n\x1a\n') => {
    const word = (value: number) =>
      String.fromCharCode(
        (value >>> 24) & 255,
        (value >>> 16) & 255,
        (value >>> 8) & 255,
        value & 255
      );
    return btoa(`${magic}${word(13)}IHDR${word(width)}${word(height)}\x08\x02`);
  };

  it('is the picture', () => {
    expect(pngSource(png(640, 480))).toBe(
      `data:image/png;base64,${png(640, 480)}`
    );
  });

  it.each([
    ['an SVG with a script', btoa('<svg onload="alert(1)"/>'.padEnd(30))],
    ['something that is no base64', 'data:text/html,<script>'],
    ['another kind of file', png(640, 480, 'GIF89a\x00\x00')],
    ['a picture of billions of pixels', png(0xffffffff, 0xffffffff)],
    ['a picture with a wide lie', png(0x7fffffff, 1)],
    ['half a header', btoa('\x89PNG\r\n\x1a\n')],
    ['nothing', '']
  ])('is nothing for %s', (_, base64) => {
    expect(pngSource(base64)).toBeNull();
  });
});
