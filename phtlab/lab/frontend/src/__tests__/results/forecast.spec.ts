import { nullTranslator } from '@jupyterlab/translation';

import { forecastText } from '../../results/forecast';
import { IVerdict } from '../../server/api';

const trans = nullTranslator.load('phtlab');

function words(more: Partial<IVerdict>): string {
  const verdict: IVerdict = {
    name: 'counts',
    kind: 'table',
    verdict: 'released',
    rule: 'small-count',
    sentence: 'Why.',
    suppressed_rows: 0,
    ...more
  };
  return forecastText(verdict, trans);
}

it('says of each verdict what would become of the output, and by which rule', () => {
  expect(words({})).toBe('leaves whole');
  expect(words({ verdict: 'suppressed', suppressed_rows: 1 })).toBe(
    '1 row would stay there (small-count)'
  );
  expect(words({ verdict: 'suppressed', suppressed_rows: 4 })).toBe(
    '4 rows would stay there (small-count)'
  );
  expect(words({ verdict: 'held', rule: 'uncounted' })).toBe(
    'would be held for a person (uncounted). Why.'
  );
  expect(words({ verdict: 'refused' })).toBe(
    'would not leave (small-count). Why.'
  );
});
