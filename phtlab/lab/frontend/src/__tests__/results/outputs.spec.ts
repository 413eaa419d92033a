import {
  combineTables,
  countVerified,
  exportFolder,
  fullText,
  groupOutputs,
  isNumeric,
  pngSource,
  refusalKind,
  shapeText,
  shortText,
  sizeText,
  sortRows,
  toCsv
} from '../../results/outputs';
import { IJourney, IOutput, IResults, IVerdict } from '../../server/api';

function table(columns: string[], rows: unknown[][], total?: number): IOutput {
  return {
    name: 'counts',
    kind: 'table',
    table: { columns, rows, total: total ?? rows.length }
  };
}

function verdict(name: string, more: Partial<IVerdict> = {}): IVerdict {
  return {
    name,
    kind: 'table',
    verdict: 'released',
    rule: '',
    sentence: '',
    suppressed_rows: 0,
    ...more
  };
}

type Station = IResults['stations'][0];

function results(
  stations: (Omit<Station, 'forecasts'> & Partial<Station>)[],
  more: Partial<IResults> = {}
): IResults {
  return {
    journey: {} as IJourney,
    stations: stations.map(one => ({ forecasts: [], ...one })),
    failures: [],
    unsigned: [],
    waiting: [],
    missing: [],
    ...more
  };
}

describe('groupOutputs', () => {
  it('puts one output of all stations together, in the order of the records', () => {
    const scalar: IOutput = { name: 'n', kind: 'scalar', scalar: 3 };
    const groups = groupOutputs(
      results([
        {
          station: 'a',
          outputs: [scalar, table(['x'], [])],
          verdicts: [verdict('counts'), verdict('n', { kind: 'scalar' })]
        },
        {
          station: 'b',
          outputs: [table(['x'], [])],
          verdicts: [verdict('counts')]
        }
      ])
    );
    expect(
      groups.map(({ name, parts }) => [name, parts.map(p => p.station)])
    ).toEqual([
      ['counts', ['a', 'b']],
      ['n', ['a']]
    ]);
    expect(groups.flatMap(({ notes }) => notes)).toEqual([]);
  });

  it('keeps what did not leave, with its rule', () => {
    const refused = verdict('counts', { verdict: 'refused', rule: 'small' });
    const [group] = groupOutputs(
      results([{ station: 'a', outputs: [], verdicts: [refused] }])
    );
    expect(group.parts).toEqual([]);
    expect(group.notes).toEqual([{ station: 'a', verdict: refused }]);
  });

  it('has below an output what a dry run foresees of it at stations', () => {
    const held = verdict('counts', { verdict: 'held', rule: 'uncounted' });
    const forecasts = [{ stations: ['a', 'b'], verdicts: [held] }];
    const [group] = groupOutputs(
      results([
        {
          station: 'twins',
          outputs: [table(['x'], [])],
          verdicts: [verdict('counts')],
          forecasts
        }
      ])
    );
    expect(group.foreseen).toEqual([{ stations: ['a', 'b'], verdict: held }]);
    expect(group.notes).toEqual([]);
  });

  it('does not mix two kinds of one name', () => {
    const other: IOutput = { name: 'counts', kind: 'scalar', scalar: 1 };
    const groups = groupOutputs(
      results([
        { station: 'a', outputs: [table([], [])], verdicts: [] },
        { station: 'b', outputs: [other], verdicts: [] }
      ])
    );
    expect(groups.map(({ kind }) => kind)).toEqual(['table', 'scalar']);
    expect(new Set(groups.map(({ id }) => id)).size).toBe(2);
  });
});

it('says of each output what stations lack of it, and of no other', () => {
  const one = { station: 'b', words: 'withheld 1 row below 10' };
  const [n, m] = groupOutputs(
    results(
      [
        {
          station: 'a',
          outputs: [
            { name: 'n', kind: 'scalar', scalar: 1 },
            { name: 'm', kind: 'scalar', scalar: 2 }
          ],
          verdicts: []
        }
      ],
      { missing: [{ output: 'n', ...one }] }
    )
  );
  expect(n.missing).toMatchObject([one]);
  expect(m.missing).toEqual([]);
});

it('counts what has not ended as not verified', () => {
  const told = results([{ station: 'a', outputs: [], verdicts: [] }], {
    waiting: [{ station: 'b', words: 'held' }]
  });
  expect(countVerified(told)).toEqual({ verified: 1, total: 2 });
});

it('counts what is signed, not what is only said', () => {
  const failure = {
    station: 'b',
    outcome: 'failed',
    code: '',
    sentence: '',
    error: null,
    forecasts: []
  };
  const told = results([{ station: 'a', outputs: [], verdicts: [] }], {
    failures: [failure],
    unsigned: [{ station: 'c', words: 'cancelled' }]
  });
  expect(countVerified(told)).toEqual({ verified: 2, total: 3 });
});

describe('combine', () => {
  it('puts the station first, and null where a station lacks a column', () => {
    const combined = combineTables(
      [
        { station: 'a', output: table(['x', 'y'], [[1, 2]]) },
        { station: 'b', output: table(['y', 'z'], [[3, 4]]) }
      ],
      'station'
    );
    expect(combined.columns).toEqual(['station', 'x', 'y', 'z']);
    expect(combined.rows).toEqual([
      ['a', 1, 2, null],
      ['b', null, 3, 4]
    ]);
  });

  it('keeps columns of one name apart', () => {
    const output = table(['x', 'x'], [[1, 2]]);
    const combined = combineTables([{ station: 'a', output }], 'station');
    expect(combined.rows).toEqual([['a', 1, 2]]);
  });

  it('takes names of JavaScript for names', () => {
    const output = table(['__proto__', 'constructor'], [[1, 2]]);
    const combined = combineTables([{ station: 'a', output }], 'station');
    expect(combined.rows).toEqual([['a', 1, 2]]);
  });

  it('says of which station only the first rows are here', () => {
    const output = table(['x'], [[1]], 900);
    expect(combineTables([{ station: 'a', output }], 'station').cut).toEqual([
      { station: 'a', shown: 1, total: 900 }
    ]);
  });
});

describe('sorted', () => {
  const rows = [[2], [null], ['10'], [1], [NaN], ['9'], [1]];

  it('orders numbers by size and texts as people count, what is missing last', () => {
    expect(sortRows([[3], [null], [1], [2]], 0, 'ascending')).toEqual([
      [1],
      [2],
      [3],
      [null]
    ]);
    expect(sortRows([['b10'], ['b9'], [null]], 0, 'descending')).toEqual([
      ['b10'],
      ['b9'],
      [null]
    ]);
    expect(sortRows(rows, 0, 'descending').slice(-2)).toEqual([[null], [NaN]]);
  });

  it('leaves equal ones as they were, and the rows it was given too', () => {
    const given = [
      ['x', 1],
      ['y', 1],
      ['z', 1]
    ];
    expect(sortRows(given, 1, 'descending')).toEqual(given);
    sortRows(rows, 0, 'ascending');
    expect(rows[0]).toEqual([2]);
  });
});

it('calls a column numeric when all that is there are numbers', () => {
  const rows = [
    [1, 'a', null],
    [null, 2, null]
  ];
  expect([0, 1, 2].map(column => isNumeric(rows, column))).toEqual([
    true,
    false,
    false
  ]);
});

it('shows numbers to six digits, and has them whole', () => {
  expect(shortText(1 / 3)).toBe('0.333333');
  expect(shortText(1234567)).toBe('1234567');
  expect(shortText(1e-9 / 3)).toBe('3.33333e-10');
  expect(shortText(null)).toBe('');
  expect(fullText(1 / 3)).toBe(String(1 / 3));
  expect(fullText({ a: [1] })).toBe('{"a":[1]}');
});

describe('csv', () => {
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

describe('pngSource', () => {
  const png = (width: number, height: number, magic = '\x89PNG\r\n\x1a\n') => {
    const word = (value: number) =>
      String.fromCharCode(
        (value >>> 24) & 255,
        (value >>> 16) & 255,
        (value >>> 8) & 255,
        value & 255
      );
    return btoa(`${magic}${word(13)}IHDR${word(width)}${word(height)}\x08\x02`);
  };

  it('is the picture', () => {
    expect(pngSource(png(640, 480))).toBe(
      `data:image/png;base64,${png(640, 480)}`
    );
  });

  it.each([
    ['an SVG with a script', btoa('<svg onload="alert(1)"/>'.padEnd(30))],
    ['something that is no base64', 'data:text/html,<script>'],
    ['another kind of file', png(640, 480, 'GIF89a\x00\x00')],
    ['a picture of billions of pixels', png(0xffffffff, 0xffffffff)],
    ['a picture with a wide lie', png(0x7fffffff, 1)],
    ['half a header', btoa('\x89PNG\r\n\x1a\n')],
    ['nothing', '']
  ])('is nothing for %s', (_, base64) => {
    expect(pngSource(base64)).toBeNull();
  });
});

it('has words for shapes and sizes', () => {
  expect(shapeText([3, 4], 'a number')).toBe('3 × 4');
  expect(shapeText([], 'a number')).toBe('a number');
  expect([999, 1500, 2.5e6, 7e12].map(sizeText)).toEqual([
    '999 B',
    '1.5 kB',
    '2.5 MB',
    '7000.0 GB'
  ]);
});

it.each([
  ['key-locked', 'locked'],
  ['key-missing', 'no-key'],
  ['seal-key', 'not-for-key'],
  ['journey-unfinished', 'unfinished'],
  ['signature', 'unverified'],
  ['record-order', 'unverified'],
  ['seal-changed', 'unverified'],
  ['seal-context', 'unverified'],
  ['roster-stale', 'unverified'],
  ['not-on-roster', 'unverified'],
  ['output-form', 'unverified'],
  ['central-unreachable', 'unreachable'],
  ['registry-unreachable', 'unreachable'],
  ['server-unreachable', 'unreachable'],
  ['central-missing', 'unreachable'],
  ['logged-out', 'unreachable'],
  ['http-502', 'unreachable'],
  ['forbidden', 'other'],
  ['recorded', 'other'],
  ['no-such-journey', 'other']
])('takes %s for %s', (code, kind) => {
  expect(refusalKind(code)).toBe(kind);
});

it('proposes a folder that any file system takes', () => {
  const journey = (train_name: string) =>
    ({
      train_name,
      submitted: '2026-03-02T09:35:00Z',
      short: '75588b7cf842'
    }) as IJourney;
  expect(exportFolder(journey('heart disease.ipynb'))).toBe(
    'results-heart-disease-2026-03-02-75588b'
  );
  expect(exportFolder(journey('../../<script>'))).toBe(
    'results-script-2026-03-02-75588b'
  );
  expect(exportFolder(journey('\u202e'))).toBe('results-2026-03-02-75588b');
});
