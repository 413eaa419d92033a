import { nullTranslator } from '@jupyterlab/translation';

import { passphraseStrength } from '../../keys/passphrase';

const trans = nullTranslator.load('phtlab');

describe('strength', () => {
  const level = (passphrase: string, name = 'alice') =>
    passphraseStrength(passphrase, name, trans).level;

  it('refuses only what is short, counted in characters', () => {
    expect(level('elevenchars')).toBe(0);
    expect(passphraseStrength('elevenchars', '', trans).advice).toContain(
      '11 of 12'
    );
    expect(level('😀😁😂')).toBe(0);
  });

  it.each(['aaaaaaaaaaaaaaaa', 'abcabcabcabcabc', '1234567890123456'])(
    'says that %s is easy to guess',
    passphrase => {
      expect(level(passphrase)).toBe(1);
      expect(passphraseStrength(passphrase, '', trans).advice).toContain(
        'easy to guess'
      );
    }
  );

  it('counts the own name for nothing', () => {
    expect(
      passphraseStrength('alicealicealice', 'alice', trans).advice
    ).toContain('is your name');
  });

  it('prefers more words', () => {
    expect(level('correct horse')).toBe(1);
    expect(level('correct horse battery')).toBe(2);
    expect(level('correct horse battery staple')).toBe(3);
  });
});
