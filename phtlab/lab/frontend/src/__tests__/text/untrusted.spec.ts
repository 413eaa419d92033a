import {
  escapeInvisible,
  isolateName,
  shortenDigests,
  truncateMiddle
} from '../../text/untrusted';

describe('printable', () => {
  it('leaves what people write, in any script, as it is', () => {
    for (const text of ['Köln\t1\n2', 'קליבלנד', '東京', '👩‍⚕️', 'a\u200cb']) {
      expect(escapeInvisible(text)).toBe(text);
    }
  });

  it.each([
    ['\u202eevil', '\\u202eevil'],
    ['a\u2066b\u2069', 'a\\u2066b\\u2069'],
    ['\u200f\u200b\ufeff', '\\u200f\\u200b\\ufeff'],
    ['\u0000\u001b[31m\u009b', '\\u0000\\u001b[31m\\u009b'],
    ['\u2028', '\\u2028'],
    ['\u{e0041}', '\\u{e0041}']
  ])('writes out what nobody sees: %j', (text, shown) => {
    expect(escapeInvisible(text)).toBe(shown);
  });
});

describe('cutMiddle', () => {
  it('keeps what fits', () => {
    expect(truncateMiddle('cleveland', 9)).toBe('cleveland');
    expect(truncateMiddle('', 9)).toBe('');
  });

  it('puts an ellipsis in place of the middle', () => {
    expect(truncateMiddle('abcdefghij', 7)).toBe('abc…hij');
  });

  it('cuts what became long by being written out', () => {
    const shown = truncateMiddle('\u202e'.repeat(10), 20);
    expect(Array.from(shown)).toHaveLength(20);
    expect(shown).not.toContain('\u202e');
  });

  it('cuts no character in two', () => {
    const shown = truncateMiddle('😀'.repeat(5000), 11);
    expect(shown).toBe('😀'.repeat(5) + '…' + '😀'.repeat(5));
  });

  it('shows both ends of a very long text', () => {
    const shown = truncateMiddle('start' + 'x'.repeat(1e6) + 'end', 20);
    expect(shown.startsWith('start')).toBe(true);
    expect(shown.endsWith('end')).toBe(true);
    expect(Array.from(shown)).toHaveLength(20);
  });
});

describe('withShortDigests', () => {
  it('keeps the beginning of each digest, and all else', () => {
    const a = 'a1'.repeat(32);
    expect(shortenDigests(`of sha256:${a}, and sha256:${a}.`)).toBe(
      'of sha256:a1a1a1a1a1a1…, and sha256:a1a1a1a1a1a1….'
    );
    for (const text of ['sha256:a1a1', `sha256:${a}0`, a, 'min_age = 50']) {
      expect(shortenDigests(text)).toBe(text);
    }
  });
});

it('keeps a name’s direction and length to itself', () => {
  const hostile = '\u202e' + 'x'.repeat(10_000);
  expect(isolateName(hostile).length).toBeLessThan(60);
  expect(isolateName(hostile).startsWith('\u2068')).toBe(true);
  expect(isolateName(hostile).endsWith('\u2069')).toBe(true);
});
