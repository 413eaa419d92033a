import { refusalKind } from '../../results/refusalKind';

it.each([
  ['key-locked', 'locked'],
  ['key-missing', 'no-key'],
  ['seal-key', 'not-for-key'],
  ['journey-unfinished', 'unfinished'],
  ['signature', 'unverified'],
  ['record-order', 'unverified'],
  ['seal-changed', 'unverified'],
  ['seal-context', 'unverified'],
  ['roster-stale', 'unverified'],
  ['not-on-roster', 'unverified'],
  ['output-form', 'unverified'],
  ['central-unreachable', 'unreachable'],
  ['registry-unreachable', 'unreachable'],
  ['server-unreachable', 'unreachable'],
  ['central-missing', 'unreachable'],
  ['logged-out', 'unreachable'],
  ['http-502', 'unreachable'],
  ['forbidden', 'other'],
  ['recorded', 'other'],
  ['no-such-journey', 'other']
])('takes %s for %s', (code, kind) => {
  expect(refusalKind(code)).toBe(kind);
});
