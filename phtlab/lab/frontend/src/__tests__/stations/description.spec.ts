import { nullTranslator } from '@jupyterlab/translation';

import { IColumn, IStation } from '../../server/api';
import {
  columnText,
  dataSetCode,
  loadText,
  missingDataSets,
  presenceText,
  rowCountText,
  sortByName
} from '../../stations/description';

const trans = nullTranslator.load('phtlab');
const NOON = Date.parse('2026-05-04T12:00:00Z');

function station(name: string, changes: Partial<IStation> = {}): IStation {
  return {
    name,
    organisation: '',
    online: true,
    last_seen: null,
    paused: '',
    twin: false,
    version: '',
    running: 0,
    waiting: 0,
    datasets: [],
    ...changes
  };
}

function column(changes: Partial<IColumn>): IColumn {
  return {
    name: 'age',
    type: 'integer',
    description: '',
    unit: '',
    categories: null,
    minimum: null,
    maximum: null,
    ...changes
  };
}

describe('stations', () => {
  it('are in the order of their names, twins last, whoever is online', () => {
    const stations = [
      station('b'),
      station('a-twin', { twin: true }),
      station('c', { online: false }),
      station('a')
    ];
    expect(sortByName(stations).map(({ name }) => name)).toEqual([
      'a',
      'b',
      'c',
      'a-twin'
    ]);
  });

  it('say in words whether they are there', () => {
    expect(presenceText(station('a'), NOON, trans)).toBe('online');
    const paused = station('a', { paused: 'The engine is upgraded.' });
    expect(presenceText(paused, NOON, trans)).toBe('paused');
    const away = station('a', {
      online: false,
      last_seen: '2026-05-04T10:00:00Z'
    });
    expect(presenceText(away, NOON, trans)).toBe('offline, seen 2 h ago');
    expect(presenceText(station('a', { online: false }), NOON, trans)).toBe(
      'offline, never seen'
    );
  });

  it('say how much they have to do, if anything', () => {
    expect(loadText(station('a', { running: 1, waiting: 2 }), trans)).toBe(
      '1 running, 2 waiting'
    );
    expect(loadText(station('a', { waiting: 2 }), trans)).toBe('2 waiting');
    expect(loadText(station('a'), trans)).toBe('');
  });

  it('lack what a notebook needs and they have not', () => {
    const heart = { name: 'heart' } as IStation['datasets'][number];
    const present = station('a', { datasets: [heart] });
    expect(missingDataSets(present, ['heart', 'lung'])).toEqual(['lung']);
    expect(missingDataSets(present, [])).toEqual([]);
  });
});

describe('data sets', () => {
  it('show rows only where they are published', () => {
    const heart = { rows: 300 } as IStation['datasets'][number];
    const reported = (rounded: number | null, count = 300) =>
      rowCountText({ ...heart, rows: count, rows_rounded_to: rounded }, trans);
    expect(reported(50)).toBe('about 300 rows');
    expect(reported(null)).toBe('about 300 rows'); // a station from before says nothing of it
    expect(reported(50, 0)).toBe('few rows');
    expect(reported(1)).toBe('300 rows');
    expect(reported(1, 0)).toBe('0 rows');
    expect(reported(1, 1)).toBe('1 row');
    expect(rowCountText({ ...heart, rows: null }, trans)).toBe('');
  });

  it.each([
    [{ minimum: 18, maximum: 100, unit: 'years' }, '18 to 100 years'],
    [{ minimum: 0, unit: 'mg/dl' }, 'at least 0 mg/dl'],
    [{ maximum: 7 }, 'at most 7'],
    [{ categories: ['Female', 'Male'] }, 'Female, Male'],
    [{ unit: 'mm' }, 'mm'],
    [{}, '']
  ])('say of a column with %p: %s', (changes, words) => {
    expect(columnText(column(changes), trans)).toBe(words);
  });

  it('are read by a line in the notebook’s language', () => {
    expect(dataSetCode('heart', 'python')).toBe(
      'heart = phtlab.dataset("heart")'
    );
    expect(dataSetCode('heart', 'R')).toBe('heart <- dataset("heart")');
  });

  it.each([
    'x"); import os; os.system("true") #',
    'heart\nimport os',
    'Heart',
    '',
    'h'.repeat(64)
  ])('give no code for the name %p', name => {
    expect(dataSetCode(name, 'python')).toBeNull();
  });
});
