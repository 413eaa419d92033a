import { errorFindings, hasPassed } from '../../dispatch/draft';
import { ICheck } from '../../server/api';

describe('what can be signed', () => {
  it('is only what was checked without an error', () => {
    const check = { ok: true, digest: 'sha256:' + 'a'.repeat(64) } as ICheck;
    expect(hasPassed(check)).toBe(true);
    expect(hasPassed({ ...check, ok: false })).toBe(false);
    expect(hasPassed({ ...check, digest: null })).toBe(false);
  });

  it('is nothing while there are errors; warnings do not hold it back', () => {
    const found = [
      { severity: 'error', code: 'a' },
      { severity: 'warning', code: 'b' }
    ] as ICheck['findings'];
    expect(errorFindings({ findings: found } as ICheck)).toEqual([found[0]]);
  });
});
