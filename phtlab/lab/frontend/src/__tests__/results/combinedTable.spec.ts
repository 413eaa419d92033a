import {
  combineTables,
  isNumeric,
  sortRows
} from '../../results/combinedTable';
import { IOutput } from '../../server/api';

function table(columns: string[], rows: unknown[][], total?: number): IOutput {
  return {
    name: 'counts',
    kind: 'table',
    table: { columns, rows, total: total ?? rows.length }
  };
}

describe('combineTables', () => {
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

describe('sortRows', () => {
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
