import {
  commonScale,
  drawings,
  inDrawingOrder,
  ticks
} from '../../results/chartMarks';
import { ITable } from '../../server/api';

const COLUMNS = ['axes', 'artist', 'series', 'x', 'y', 'low', 'high'];

function parts(...tables: Partial<ITable>[]) {
  return tables.map((table, number) => ({
    station: `s${number}`,
    output: {
      name: 'figure',
      kind: 'figure' as const,
      table: {
        columns: COLUMNS,
        rows: [],
        total: table.rows?.length ?? 0,
        ...table
      }
    }
  }));
}

const bar = (x: number, y: number, series = '') => [
  1,
  'bar',
  series,
  x,
  y,
  x - 0.5,
  x + 0.5
];
const line = (x: number, y: number) => [1, 'line', 'a', x, y, null, null];

describe('drawings', () => {
  it('reads bars, lines, points and error bars', () => {
    const rows = [
      bar(1, 5),
      line(1, 2),
      [1, 'scatter', '', 3, 4, null, null],
      [1, 'errorbar', '', 3, null, 2, 6]
    ];
    const [first] = drawings(parts({ rows }, { rows }))!;
    expect(first.marks).toEqual([
      { shape: 'bar', series: '', x: 1, y: 5, low: 0.5, high: 1.5 },
      { shape: 'line', series: 'a', x: 1, y: 2, low: 2, high: 2 },
      { shape: 'point', series: '', x: 3, y: 4, low: 4, high: 4 },
      { shape: 'span', series: '', x: 3, y: 4, low: 2, high: 6 }
    ]);
  });

  it('has names of places where there are some', () => {
    const columns = [...COLUMNS, 'x_text'];
    const rows = [[...bar(0, 5), 'Female']];
    const [first] = drawings(parts({ columns, rows }, { columns, rows }))!;
    expect([...first.names]).toEqual([[0, 'Female']]);
  });

  const good = { rows: [bar(1, 5)] };
  it.each([
    ['one station, with nothing to compare', parts(good)],
    ['bars that lie', parts(good, { rows: [[1, 'bar', '', 5, 1, 0.5, 1.5]] })],
    ['areas', parts(good, { rows: [[1, 'area', '', 1, 2, null, null]] })],
    ['several axes', parts(good, { rows: [[2, ...bar(1, 5).slice(1)]] })],
    ['a part of the numbers', parts(good, { rows: [bar(1, 5)], total: 9 })],
    ['no numbers', parts(good, {})],
    [
      'texts in their place',
      parts(good, { rows: [[1, 'line', '', 'x', 'y']] })
    ],
    ['names of JavaScript', parts(good, { rows: [[1, 'toString', '', 1, 1]] })],
    ['another table', parts(good, { columns: ['x', 'y'], rows: [[1, 2]] })]
  ])('does not draw %s', (_, given) => {
    expect(drawings(given)).toBeNull();
  });
});

describe('commonScale', () => {
  it('holds all stations, bars on zero', () => {
    const all = drawings(
      parts({ rows: [bar(1, 5, 'a')] }, { rows: [bar(4, 20, 'b')] })
    )!;
    expect(commonScale(all)).toEqual({
      x: [0.5, 4.5],
      y: [0, 21],
      series: ['a', 'b']
    });
  });

  it('has room where all is one value', () => {
    const all = drawings(
      parts({ rows: [line(1, 7)] }, { rows: [line(1, 7)] })
    )!;
    const { x, y } = commonScale(all);
    expect(x).toEqual([0.5, 1.5]);
    expect(y).toEqual([3.5, 10.5]);
  });
});

it('has round ticks within the range', () => {
  expect(ticks([0, 21])).toEqual([0, 5, 10, 15, 20]);
  expect(ticks([-0.12, 0.31])).toEqual([-0.1, 0, 0.1, 0.2, 0.3]);
  expect(ticks([1e6, 1.4e6])).toEqual([1e6, 1.1e6, 1.2e6, 1.3e6, 1.4e6]);
});

it('draws the longer bar behind the shorter, and lines over bars', () => {
  const [one] = drawings(
    parts({ rows: [line(1, 1), bar(1, 2), bar(1, 9)] }, { rows: [bar(1, 1)] })
  )!;
  expect(inDrawingOrder(one.marks).map(mark => mark.y)).toEqual([9, 2, 1]);
});
