import { countVerified, groupOutputs } from '../../results/outputs';
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
  stations: (Omit<Station, 'forecasts' | 'handed_on' | 'rounds'> &
    Partial<Station>)[],
  more: Partial<IResults> = {}
): IResults {
  return {
    journey: {} as IJourney,
    stations: stations.map(station => ({
      forecasts: [],
      handed_on: [],
      rounds: null,
      ...station
    })),
    failures: [],
    unsigned: [],
    waiting: [],
    missing: [],
    rounds: null,
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

  it('has nothing of what left with each round', () => {
    const left = verdict('update', { kind: 'model' });
    const refused = verdict('other', { verdict: 'refused' });
    const groups = groupOutputs(
      results([
        { station: 'a', outputs: [], verdicts: [left, refused], rounds: 6 }
      ])
    );
    expect(groups.map(({ name }) => name)).toEqual(['other']);
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
  const lacking = { station: 'b', words: 'withheld 1 row below 10' };
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
      { missing: [{ output: 'n', ...lacking }] }
    )
  );
  expect(n.missing).toMatchObject([lacking]);
  expect(m.missing).toEqual([]);
});

it('counts what has not ended as not verified', () => {
  const reported = results([{ station: 'a', outputs: [], verdicts: [] }], {
    waiting: [{ station: 'b', words: 'held' }]
  });
  expect(countVerified(reported)).toEqual({ verified: 1, total: 2 });
});

it('counts what is signed, not what is only said', () => {
  const failure: IResults['failures'][0] = {
    station: 'b',
    outcome: 'failed',
    code: '',
    sentence: '',
    error: null,
    forecasts: []
  };
  const reported = results([{ station: 'a', outputs: [], verdicts: [] }], {
    failures: [failure],
    unsigned: [{ station: 'c', words: 'cancelled' }]
  });
  expect(countVerified(reported)).toEqual({ verified: 2, total: 3 });
});

it('has with an output who handed it on, and to whom', () => {
  const model: IOutput = { name: 'model', kind: 'model', shapes: { w: [1] } };
  const verdict: IVerdict = {
    name: 'model',
    kind: 'model',
    verdict: 'released',
    rule: '',
    sentence: '',
    suppressed_rows: 0
  };
  const handed_on = [{ output: 'model', station: 'b' }];
  const [group] = groupOutputs(
    results([
      { station: 'a', outputs: [], verdicts: [verdict], handed_on },
      { station: 'b', outputs: [model], verdicts: [verdict] }
    ])
  );
  expect(group.handedOn).toEqual([{ station: 'a', to: 'b' }]);
  expect(group.parts.map(({ station }) => station)).toEqual(['b']);
  expect(group.notes).toEqual([]);
});
