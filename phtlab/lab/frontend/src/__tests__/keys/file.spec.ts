import { base64 } from '../../keys/file';

it('writes bytes as base64', () => {
  expect(base64(new Uint8Array([0, 255, 128]))).toBe('AP+A');
});
