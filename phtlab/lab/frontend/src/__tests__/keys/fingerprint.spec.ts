import { fingerprintGroups } from '../../keys/fingerprint';

it('reads a fingerprint in groups of four', () => {
  expect(fingerprintGroups('abcd-efgh ijkl')).toEqual(['abcd', 'efgh', 'ijkl']);
  expect(fingerprintGroups('x'.repeat(10_000))).toHaveLength(16);
});
