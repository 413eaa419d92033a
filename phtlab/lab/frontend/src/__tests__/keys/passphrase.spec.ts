import { nullTranslator } from '@jupyterlab/translation';

import {
  base64,
  fingerprintGroups,
  isMemberName,
  strength,
  suggestedName
} from '../../keys/passphrase';

const trans = nullTranslator.load('phtlab');

it.each([
  ['alice', 'alice'],
  ['Zoë.Müller@hospital.example', 'zoe-muller'],
  ['7of9', 'of9'],
  ['x'.repeat(80), 'x'.repeat(63)],
  ['<script>', 'script'],
  ['李', ''],
  [null, '']
])('suggests for the hub user %j the name %j', (user, name) => {
  expect(suggestedName(user)).toBe(name);
});

it('takes the names that a roster takes', () => {
  expect(['ab', 'a-1', 'x'.repeat(63)].every(isMemberName)).toBe(true);
  const wrong = ['', 'a', 'A1', 'a_b', '-a', 'a-', '1a', 'x'.repeat(64)];
  expect(wrong.some(isMemberName)).toBe(false);
});

it('reads a fingerprint in groups of four', () => {
  expect(fingerprintGroups('abcd-efgh ijkl')).toEqual(['abcd', 'efgh', 'ijkl']);
  expect(fingerprintGroups('x'.repeat(10_000))).toHaveLength(16);
});

describe('strength', () => {
  const level = (passphrase: string, name = 'alice') =>
    strength(passphrase, name, trans).level;

  it('refuses only what is short, counted in characters', () => {
    expect(level('elevenchars')).toBe(0);
    expect(strength('elevenchars', '', trans).words).toContain('11 of 12');
    expect(level('😀😁😂')).toBe(0);
  });

  it.each(['aaaaaaaaaaaaaaaa', 'abcabcabcabcabc', '1234567890123456'])(
    'says that %s is easy to guess',
    passphrase => {
      expect(level(passphrase)).toBe(1);
      expect(strength(passphrase, '', trans).words).toContain('easy to guess');
    }
  );

  it('counts the own name for nothing', () => {
    expect(strength('alicealicealice', 'alice', trans).words).toContain(
      'is your name'
    );
  });

  it('prefers more words', () => {
    expect(level('correct horse')).toBe(1);
    expect(level('correct horse battery')).toBe(2);
    expect(level('correct horse battery staple')).toBe(3);
  });
});

it('writes bytes as base64', () => {
  expect(base64(new Uint8Array([0, 255, 128]))).toBe('AP+A');
});
