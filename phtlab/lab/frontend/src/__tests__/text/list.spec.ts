import { nullTranslator } from '@jupyterlab/translation';

import { formatList } from '../../text/list';

const trans = nullTranslator.load('phtlab');

/** Without the marks that keep a name's direction to itself. */
function plain(text: string): string {
  return text.replace(/[\u2068\u2069]/g, '');
}

it('lists many shortly', () => {
  const names = 'abcdefghij'.split('');
  expect(plain(formatList(names, trans))).toBe('a, b, c, d, e and 5 others');
  expect(plain(formatList(['a'], trans))).toBe('a');
  expect(formatList([], trans)).toBe('');
});
