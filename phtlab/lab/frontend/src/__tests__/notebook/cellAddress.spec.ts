import { parseCellAddress } from '../../notebook/cellAddress';

describe('cellAddress', () => {
  it('takes a cell, with or without a notebook and a line', () => {
    expect(parseCellAddress({ cell: 3 })).toEqual({ cell: 3 });
    expect(
      parseCellAddress({ cell: 3, line: 2, notebook: 'a/b.ipynb' })
    ).toEqual({
      cell: 3,
      line: 2,
      notebook: 'a/b.ipynb'
    });
  });

  it.each([
    null,
    'cell 3',
    {},
    { cell: '3' },
    { cell: 0 },
    { cell: -1 },
    { cell: 1.5 },
    { cell: 1, notebook: 'page.html' }
  ])('takes nothing from %p', detail => {
    expect(parseCellAddress(detail)).toBeNull();
  });

  it('leaves out what is no line', () => {
    expect(parseCellAddress({ cell: 1, line: 'x', notebook: 7 })).toEqual({
      cell: 1
    });
  });
});
