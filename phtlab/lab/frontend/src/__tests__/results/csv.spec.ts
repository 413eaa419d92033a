import { toCsv } from '../../results/csv';

describe('toCsv', () => {
  it('quotes what has to be quoted', () => {
    expect(toCsv(['a', 'b,c'], [[1.5, 'say "hi"\nthere']])).toBe(
      'a,"b,c"\r\n1.5,"say ""hi""\nthere"\r\n'
    );
  });

  it('lets no text become a formula, and no number a text', () => {
    const rows = [['=HYPERLINK("x")'], ['@a'], ['-1+2'], [-1], [null]];
    expect(toCsv(['+x'], rows)).toBe(
      '\'+x\r\n"\'=HYPERLINK(""x"")"\r\n\'@a\r\n\'-1+2\r\n-1\r\n\r\n'
    );
  });
});
