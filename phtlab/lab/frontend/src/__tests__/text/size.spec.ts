import { sizeText } from '../../text/size';

it('has words for sizes', () => {
  expect([999, 1500, 2.5e6, 7e12].map(sizeText)).toEqual([
    '999 B',
    '1.5 kB',
    '2.5 MB',
    '7000.0 GB'
  ]);
});
