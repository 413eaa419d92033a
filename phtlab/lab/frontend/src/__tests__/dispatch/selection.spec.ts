import {
  candidateAggregators,
  candidateRecipients,
  defaultStations,
  destinations,
  existingRecipients,
  existingStations
} from '../../dispatch/selection';
import { ICheck, IMember, IStation } from '../../server/api';

function station(
  name: string,
  datasets: string[],
  changes: Partial<IStation> = {}
): IStation {
  return {
    name,
    online: true,
    twin: false,
    datasets: datasets.map(dataset => ({ name: dataset })),
    ...changes
  } as IStation;
}

const STATIONS = [
  station('hungary', ['heart'], { online: false }),
  station('lungs', ['lung']),
  station('cleveland', ['heart', 'lung']),
  station('twin', ['heart'], { twin: true })
];
const CHECK = { datasets: ['heart'] } as unknown as ICheck;

describe('where it goes', () => {
  it('is to real stations: the twin is for dry runs', () => {
    expect(destinations(STATIONS).map(({ name }) => name)).toEqual([
      'cleveland',
      'hungary',
      'lungs'
    ]);
  });

  it('is at first every station with the data, also one that is away', () => {
    expect(defaultStations(STATIONS, CHECK)).toEqual(['cleveland', 'hungary']);
  });

  it('is, sent again, where it went, as far as that is still there', () => {
    expect(existingStations(['gone', 'lungs', 'twin'], STATIONS)).toEqual([
      'lungs'
    ]);
  });
});

describe('who can combine the rounds', () => {
  it('are aggregators of the roster, by name', () => {
    const members: IMember[] = [
      { name: 'summer', organisation: '', roles: ['aggregator'] },
      { name: 'ada', organisation: '', roles: ['researcher'] },
      { name: 'adder', organisation: '', roles: ['aggregator'] }
    ];
    const names = candidateAggregators(members).map(({ name }) => name);
    expect(names).toEqual(['adder', 'summer']);
  });
});

describe('who can open it', () => {
  it('are people other than oneself, by name', () => {
    const members: IMember[] = [
      { name: 'otto', organisation: '', roles: ['operator', 'researcher'] },
      { name: 'ada', organisation: '', roles: ['researcher'] },
      { name: 'cleveland', organisation: '', roles: ['station'] },
      { name: 'twin', organisation: '', roles: ['station', 'twin'] },
      { name: 'adder', organisation: '', roles: ['aggregator'] },
      { name: 'grace', organisation: '', roles: ['researcher'] }
    ];
    expect(candidateRecipients(members, 'ada').map(({ name }) => name)).toEqual(
      ['grace', 'otto']
    );
  });
});

describe('sent again', () => {
  const members: IMember[] = [
    { name: 'ada', organisation: '', roles: ['researcher'] },
    { name: 'grace', organisation: '', roles: ['researcher'] },
    { name: 'cleveland', organisation: '', roles: ['station'] }
  ];

  it('is given to those who are shown: people on the roster', () => {
    const before = ['ada', 'grace', 'gone', 'cleveland'];
    expect(existingRecipients(before, members, 'ada')).toEqual(['grace']);
  });

  it('is given to nobody else while nobody is known', () => {
    expect(existingRecipients(['grace'], [], 'ada')).toEqual([]);
  });
});
