import { nullTranslator } from '@jupyterlab/translation';

import {
  chosenAtFirst,
  destinations,
  errors,
  isSound,
  others,
  stillMembers,
  stillThere,
  summary
} from '../../dispatch/summary';
import { ICheck, IMember, IStation } from '../../server/api';
import { listed } from '../../text/list';
import { named } from '../../text/untrusted';

const trans = nullTranslator.load('phtlab');

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
const CHECK = { datasets: ['heart'], findings: [] } as unknown as ICheck;

/** Without the marks that keep a name's direction to itself. */
function plain(text: string): string {
  return text.replace(/[\u2068\u2069]/g, '');
}

describe('where it goes', () => {
  it('is to real stations: the twin is for dry runs', () => {
    expect(destinations(STATIONS).map(({ name }) => name)).toEqual([
      'cleveland',
      'hungary',
      'lungs'
    ]);
  });

  it('is at first every station with the data, also one that is away', () => {
    expect(chosenAtFirst(STATIONS, CHECK)).toEqual(['cleveland', 'hungary']);
  });

  it('is, sent again, where it went, as far as that is still there', () => {
    expect(stillThere(['gone', 'lungs', 'twin'], STATIONS)).toEqual(['lungs']);
  });
});

describe('who can open it', () => {
  it('are people other than oneself, by name', () => {
    const members: IMember[] = [
      { name: 'otto', organisation: '', roles: ['operator', 'researcher'] },
      { name: 'ada', organisation: '', roles: ['researcher'] },
      { name: 'cleveland', organisation: '', roles: ['station'] },
      { name: 'twin', organisation: '', roles: ['station', 'twin'] },
      { name: 'grace', organisation: '', roles: ['researcher'] }
    ];
    expect(others(members, 'ada').map(({ name }) => name)).toEqual([
      'grace',
      'otto'
    ]);
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
    expect(stillMembers(before, members, 'ada')).toEqual(['grace']);
  });

  it('is given to nobody else while nobody is known', () => {
    expect(stillMembers(['grace'], [], 'ada')).toEqual([]);
  });
});

describe('what is signed', () => {
  const intention = {
    name: 'heart_disease',
    me: 'ada',
    parameters: { min_age: 50 },
    stations: ['cleveland', 'hungary'],
    away: ['hungary'],
    recipients: ['grace'],
    proposal: null
  };

  it('is said in words', () => {
    expect(plain(summary(intention, trans).join(' '))).toBe(
      'heart_disease runs at cleveland and hungary with min_age = 50. hungary is offline: it ' +
        'runs there when the station is back. ada and grace can open what comes back.'
    );
  });

  it('names the proposal that it is made under', () => {
    const under = { ...intention, proposal: 'Age and disease' };
    expect(plain(summary(under, trans)[2])).toBe(
      'It is made under the proposal Age and disease.'
    );
  });

  it('names oneself alone if nobody else is given it', () => {
    const alone = { ...intention, away: [], recipients: [] };
    expect(plain(summary(alone, trans)[1])).toBe(
      'Only ada can open what comes back.'
    );
  });

  it('keeps a name’s direction and length to itself', () => {
    const hostile = '\u202e' + 'x'.repeat(10_000);
    expect(named(hostile).length).toBeLessThan(60);
    expect(named(hostile).startsWith('\u2068')).toBe(true);
    expect(named(hostile).endsWith('\u2069')).toBe(true);
  });

  it('lists many shortly', () => {
    const names = 'abcdefghij'.split('');
    expect(plain(listed(names, trans))).toBe('a, b, c, d, e and 5 others');
    expect(plain(listed(['a'], trans))).toBe('a');
    expect(listed([], trans)).toBe('');
  });

  it('is only what was checked without an error', () => {
    const check = { ok: true, digest: 'sha256:' + 'a'.repeat(64) } as ICheck;
    expect(isSound(check)).toBe(true);
    expect(isSound({ ...check, ok: false })).toBe(false);
    expect(isSound({ ...check, digest: null })).toBe(false);
  });

  it('is nothing while there are errors; warnings do not hold it back', () => {
    const found = [
      { severity: 'error', code: 'a' },
      { severity: 'warning', code: 'b' }
    ] as ICheck['findings'];
    expect(errors({ ...CHECK, findings: found })).toEqual([found[0]]);
  });
});
