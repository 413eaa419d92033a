import { isMemberName, suggestMemberName } from '../../keys/memberName';

it.each([
  ['alice', 'alice'],
  ['Zoë.Müller@hospital.example', 'zoe-muller'],
  ['7of9', 'of9'],
  ['x'.repeat(80), 'x'.repeat(63)],
  ['<script>', 'script'],
  ['李', ''],
  [null, '']
])('suggests for the hub user %j the name %j', (user, name) => {
  expect(suggestMemberName(user)).toBe(name);
});

it('takes the names that a roster takes', () => {
  expect(['ab', 'a-1', 'x'.repeat(63)].every(isMemberName)).toBe(true);
  const wrong = ['', 'a', 'A1', 'a_b', '-a', 'a-', '1a', 'x'.repeat(64)];
  expect(wrong.some(isMemberName)).toBe(false);
});
