import { nullTranslator } from '@jupyterlab/translation';

import { summary } from '../../dispatch/summary';

const trans = nullTranslator.load('phtlab');

/** Without the marks that keep a name's direction to itself. */
function plain(text: string): string {
  return text.replace(/[\u2068\u2069]/g, '');
}

describe('what is signed', () => {
  const intention = {
    name: 'heart_disease',
    me: 'ada',
    parameters: { min_age: 50 },
    stations: ['cleveland', 'hungary'],
    isSequential: false,
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

  it('has the stations of a sequential route in their order', () => {
    const inTurn = {
      ...intention,
      stations: ['hungary', 'ulm', 'cleveland'],
      isSequential: true,
      away: []
    };
    expect(plain(summary(inTurn, trans)[0])).toBe(
      'heart_disease runs in turn at hungary, then ulm, then cleveland, with min_age = 50.'
    );
  });

  it('names the proposal that it is made under', () => {
    const under = { ...intention, proposal: 'Age and disease' };
    expect(plain(summary(under, trans)[2])).toBe(
      'It is made under the proposal Age and disease.'
    );
  });

  it('names who combines the rounds', () => {
    const ownKernel = { ...intention, away: [], aggregator: null };
    expect(plain(summary(ownKernel, trans)[1])).toBe(
      "This notebook's kernel combines the rounds."
    );
    const adder = { ...ownKernel, aggregator: 'adder' };
    expect(plain(summary(adder, trans)[1])).toBe(
      'The aggregator adder combines the rounds, and reads what each station sends.'
    );
  });

  it('names oneself alone if nobody else is given it', () => {
    const alone = { ...intention, away: [], recipients: [] };
    expect(plain(summary(alone, trans)[1])).toBe(
      'Only ada can open what comes back.'
    );
  });
});
