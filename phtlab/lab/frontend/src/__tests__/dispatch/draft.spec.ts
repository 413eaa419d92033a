import { errors, isSound } from '../../dispatch/draft';
import { ICheck } from '../../server/api';

describe('what can be signed', () => {
  it('is only what was checked without an error', () => {
    const check = { ok: true, digest: 'sha256:' + 'a'.repeat(64) } as ICheck;
    expect(isSound(check)).toBe(true);
    expect(isSound({ ...check, ok: false })).toBe(false);
    expect(isSound({ ...check, digest: null })).toBe(false);
  });

  it('is nothing while there are errors; warnings do not hold it back', () => {
    const found = [
      { severity: 'error', code: 'a' },
      { severity: 'warning', code: 'b' }
    ] as ICheck['findings'];
    expect(errors({ findings: found } as ICheck)).toEqual([found[0]]);
  });
});
