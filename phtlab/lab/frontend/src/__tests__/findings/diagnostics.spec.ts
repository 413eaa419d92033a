import { Text } from '@codemirror/state';
import { nullTranslator } from '@jupyterlab/translation';

import {
  checkStatus,
  countFindings,
  diagnosticsOf,
  nextPosition
} from '../../findings/diagnostics';
import { ICheck, IFinding } from '../../server/api';

const trans = nullTranslator.load('phtlab');

function finding(line: number | null, more: Partial<IFinding> = {}): IFinding {
  return {
    code: 'name',
    severity: 'error',
    cell: 0,
    line,
    message: 'wrong',
    fix: null,
    ...more
  };
}

describe('diagnosticsOf', () => {
  const text = Text.of(['first', '  second  ', '   ', '']);

  const marked = (line: number | null) =>
    diagnosticsOf(text, [finding(line)], jest.fn()).map(({ from, to }) =>
      text.sliceString(from, to)
    );

  it('marks the code of a line', () => {
    expect(marked(1)).toEqual(['first']);
    expect(marked(2)).toEqual(['second']);
  });

  it('marks the end of a line without code', () => {
    expect(marked(3)).toEqual(['']);
    expect(marked(4)).toEqual(['']);
  });

  it.each([null, 0, -1, 5])('marks nothing for line %s', line => {
    expect(marked(line)).toEqual([]);
  });

  it('keeps the severity, sorts by line, and shows what is hidden in a message', () => {
    const marks = diagnosticsOf(
      text,
      [
        finding(2, { message: '\u202eevil' }),
        finding(1, { severity: 'warning', message: 'x'.repeat(10_000) })
      ],
      jest.fn()
    );
    expect(marks.map(({ severity }) => severity)).toEqual(['warning', 'error']);
    expect(marks[0].message).toHaveLength(600);
    expect(marks[1].message).toBe('\\u202eevil');
  });

  it('offers the change that mends it, by its name', () => {
    const title = 'Declare of=\u202e3';
    const fix = {
      title,
      line: 1,
      column: 0,
      text: 'of=3',
      select: null
    };
    const onFix = jest.fn();
    const [mark, other] = diagnosticsOf(
      text,
      [finding(1, { fix }), finding(2)],
      onFix
    );
    expect(mark.actions?.map(({ name }) => name)).toEqual([
      'Declare of=\\u202e3'
    ]);
    mark.actions?.[0].apply(null as never, 0, 0);
    expect(onFix).toHaveBeenCalledWith(fix);
    expect(other.actions).toBeUndefined();
  });
});

describe('nextPlace', () => {
  const places = [
    { cell: 1, line: 2 },
    { cell: 1, line: null },
    { cell: 4, line: 1 }
  ];

  it('is behind the active cell, or the first again', () => {
    expect(nextPosition(places, 0)).toBe(places[0]);
    expect(nextPosition(places, 1)).toBe(places[2]);
    expect(nextPosition(places, 4)).toBe(places[0]);
    expect(nextPosition([], 4)).toBeNull();
  });
});

describe('statusWord', () => {
  const check = (...severities: IFinding['severity'][]): ICheck =>
    ({
      findings: severities.map(severity => finding(1, { severity }))
    }) as unknown as ICheck;
  const word = (of: ICheck | null) => {
    const message = checkStatus(of, null, trans);
    return message && `${message.mark} ${message.text}`;
  };

  it('counts errors, else warnings', () => {
    expect(countFindings(check('error', 'warning').findings)).toEqual({
      errors: 1,
      warnings: 1
    });
    expect(word(null)).toBeNull();
    expect(word(check())).toBe('✓ can travel');
    expect(word(check('warning'))).toBe('! 1 remark');
    expect(word(check('error', 'warning'))).toBe('✗ 1 problem');
    expect(word(check('error', 'error'))).toBe('✗ 2 problems');
  });

  it('says that nothing was checked rather than an old check', () => {
    const message = checkStatus(
      check(),
      { code: 'server-unreachable', message: 'It is away.' },
      trans
    );
    expect(message?.text).toBe('not checked');
    expect(message?.title).toContain('It is away.');
  });
});
