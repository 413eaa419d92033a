import { nullTranslator } from '@jupyterlab/translation';

import {
  contradictingStations,
  contradictionWarning,
  countTravelling,
  elapsedSeconds,
  errorText,
  hasResults,
  inRouteOrder,
  isCancellable,
  journeyMark,
  newestFirst,
  newlyContradicted,
  newlyEnded,
  parametersText,
  progress,
  resultsLabel,
  stopSeconds,
  stopText,
  timeAndSizeText
} from '../../journeys/status';
import { IJourney, IStop } from '../../server/api';

const trans = nullTranslator.load('phtlab');
const NOON = Date.parse('2026-05-04T12:00:00Z');

function stop(state: string, changes: Partial<IStop> = {}): IStop {
  const isFinal = ['departed', 'failed', 'refused', 'cancelled'];
  return {
    station: 'cleveland',
    number: 0,
    state: state as IStop['state'],
    words: state,
    final: isFinal.includes(state),
    contradicted: false,
    code: '',
    sentence: '',
    error: null,
    cell: null,
    cells: null,
    updated: '2026-05-04T12:00:00Z',
    seconds: null,
    combines: false,
    ...changes
  };
}

function journey(stops: IStop[], changes: Partial<IJourney> = {}): IJourney {
  return {
    id: 'sha256:1',
    submitted: '2026-05-04T11:59:30Z',
    mine: true,
    twin: false,
    cancelled: false,
    removed: null,
    done: stops.every(each => each.final),
    stops,
    ...changes
  } as IJourney;
}

describe('two records of one stop', () => {
  const two = { contradicted: true };
  const doubted = journey([
    stop('departed', { ...two, station: 'ulm', number: 1 }),
    stop('departed', { ...two, station: 'jena', number: 0 }),
    stop('departed', { station: 'mainz', number: 2 })
  ]);

  it('go before whatever else is said of the journey', () => {
    const { mark, tone, label } = journeyMark(doubted, trans);
    expect([mark, tone]).toEqual(['!', 'bad']);
    expect(label).toBe('two records: do not rely on it');
  });

  it('are told with their stations, in the order of the route', () => {
    expect(contradictingStations(doubted)).toEqual(['jena', 'ulm']);
    const words = contradictionWarning(contradictingStations(doubted), trans);
    expect(words).toMatch(/^jena, ulm signed two different records/);
  });

  it('are told once for each station', () => {
    const ended = journey([stop('departed', two), stop('departed')]);
    expect(newlyContradicted(new Map(), [ended])).toEqual([ended]);
    expect(newlyContradicted(new Map([[ended.id, 1]]), [ended])).toEqual([]);
    expect(newlyContradicted(new Map([[ended.id, 1]]), [doubted])).toHaveLength(
      1
    );
    expect(newlyContradicted(new Map(), [journey([stop('departed')])])).toEqual(
      []
    );
  });
});

describe('order', () => {
  it('is the newest first, also over time zones, and the same each time', () => {
    const early = journey([], { id: 'a', submitted: '2026-05-04T10:30:00Z' });
    const late = journey([], {
      id: 'b',
      submitted: '2026-05-04T13:00:00+02:00'
    });
    const twin = journey([], { id: 'c', submitted: '2026-05-04T11:00:00Z' });
    expect(newestFirst([early, twin, late]).map(({ id }) => id)).toEqual([
      'b',
      'c',
      'a'
    ]);
  });

  it('of stops is that of the route', () => {
    const stops = [
      stop('offered', { number: 2 }),
      stop('offered', { number: 0 })
    ];
    expect(inRouteOrder(stops).map(({ number }) => number)).toEqual([0, 2]);
  });
});

describe('progress', () => {
  it('counts what has ended, however it ended', () => {
    const now = progress(
      journey([stop('departed'), stop('failed'), stop('offered')])
    );
    expect(now).toMatchObject({ done: 2, total: 3 });
    expect(now.fraction).toBeCloseTo(2 / 3);
  });

  it('grows with each state and each cell', () => {
    const route = [
      stop('offered'),
      stop('verified'),
      stop('admitted'),
      stop('running', { cell: 1, cells: 5 }),
      stop('running', { cell: 3, cells: 5 }),
      stop('running', { cell: 5, cells: 5 }),
      stop('airlock'),
      stop('sealed'),
      stop('departed')
    ];
    const fractions = route.map(at => progress(journey([at])).fraction);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(new Set(fractions).size).toBe(fractions.length);
  });

  it('stays within its bounds, whatever a station says', () => {
    for (const at of [
      stop('running', { cell: 900, cells: 5 }),
      stop('running', { cell: -3, cells: 5 }),
      stop('running', { cell: 1, cells: 0 }),
      stop('a state of next year')
    ]) {
      const { fraction } = progress(journey([at]));
      expect(fraction).toBeGreaterThanOrEqual(0);
      expect(fraction).toBeLessThan(1);
    }
    expect(progress(journey([])).fraction).toBe(0);
  });
});

describe('time', () => {
  it('runs while a journey travels and stands when it has ended', () => {
    const base = journey([stop('running')]);
    expect(elapsedSeconds(base, NOON)).toBe(30);
    expect(elapsedSeconds(base, NOON + 5000)).toBe(35);
    const over = journey([stop('departed')]);
    expect(elapsedSeconds(over, NOON + 5000)).toBe(30);
  });

  it('is never negative when the clocks differ', () => {
    expect(elapsedSeconds(journey([stop('running')]), NOON - 600_000)).toBe(0);
  });

  it('at a stop is what the station says, else since its last news', () => {
    expect(stopSeconds(stop('departed', { seconds: 4.2 }), NOON)).toBe(4.2);
    expect(stopSeconds(stop('running'), NOON + 3000)).toBe(3);
    expect(stopSeconds(stop('offered'), NOON + 3000)).toBeNull();
    expect(stopSeconds(stop('failed'), NOON + 3000)).toBeNull();
  });
});

describe('words', () => {
  it('of a running stop name the cell', () => {
    const at = stop('running', { cell: 3, cells: 5 });
    expect(stopText(at, trans)).toBe('running, cell 3 of 5');
    expect(stopText(stop('running'), trans)).toBe('running');
  });

  it('of time and size are those that are known', () => {
    const base = stop('running');
    expect(timeAndSizeText(base, 12, trans)).toBe('for 12 s');
    expect(timeAndSizeText(base, null, trans)).toBe('');
    const over = stop('departed');
    expect(timeAndSizeText(over, 0.84, trans)).toBe('ran 0.8 s');
    const sent = { ...over, size: 14_200 };
    expect(timeAndSizeText(sent, 12, trans)).toBe('ran 12 s, sent 14.2 kB');
    expect(timeAndSizeText(sent, null, trans)).toBe('sent 14.2 kB');
  });

  it('of a state that is new here are the state', () => {
    expect(stopText(stop('resting'), trans)).toBe('resting');
  });

  it.each([
    [['departed', 'departed'], 'done', 'good', '✓'],
    [['departed', 'failed'], '1 of 2 departed', 'bad', '✗'],
    [['failed', 'refused'], 'failed', 'bad', '✗'],
    [['refused', 'refused'], 'refused', 'bad', '✗'],
    [['cancelled', 'cancelled'], 'cancelled', 'still', '–'],
    [['departed', 'running'], 'running', 'moving', '●'],
    [['departed', 'held'], 'held', 'waiting', '‖'],
    [['offered', 'offered'], 'waiting', 'waiting', '○']
  ])('of a journey with stops %p are %s', (states, label, tone, mark) => {
    const stops = states.map(state => stop(state));
    expect(journeyMark(journey(stops), trans)).toEqual({ label, tone, mark });
  });

  it('of one that is being cancelled say so until all stops know', () => {
    const cancelled = journey([stop('running')], { cancelled: true });
    expect(journeyMark(cancelled, trans).label).toBe('being cancelled');
  });

  it('of an error name class, cell and line as far as they left', () => {
    const error = { type: 'KeyError', cell: 4, line: 2, message: null };
    expect(errorText(error, trans)).toBe('KeyError in cell 4, line 2');
    expect(errorText({ ...error, line: null }, trans)).toBe(
      'KeyError in cell 4'
    );
    expect(errorText({ ...error, cell: null }, trans)).toBe('KeyError');
  });

  it('of parameters are their values', () => {
    expect(parametersText({ min_age: 50, outcome: 'any' }, trans)).toBe(
      'min_age = 50, outcome = any'
    );
    expect(parametersText({ ages: [1, 2] }, trans)).toBe('ages = [1,2]');
    expect(parametersText(null, trans)).toBe('no parameters');
  });
});

describe('what can be done', () => {
  it('has results once it has ended, until they are removed', () => {
    expect(hasResults(journey([stop('running')]))).toBe(false);
    expect(hasResults(journey([stop('departed')]))).toBe(true);
    expect(
      hasResults(
        journey([stop('departed')], { removed: '2026-06-01T00:00:00Z' })
      )
    ).toBe(false);
  });

  it('has results so far once a stop departed while others wait', () => {
    const under = journey([stop('departed'), stop('held'), stop('running')]);
    expect(hasResults(under)).toBe(true);
    expect(resultsLabel(under, trans)).toBe('Results so far (1 of 3)');
    expect(hasResults(journey([stop('failed'), stop('held')]))).toBe(false);
    expect(resultsLabel(journey([stop('departed')]), trans)).toBe('Results');
  });

  it('cancels only one’s own that still travels', () => {
    const base = journey([stop('running')]);
    expect(isCancellable(base)).toBe(true);
    expect(isCancellable({ ...base, mine: false })).toBe(false);
    expect(isCancellable({ ...base, cancelled: true })).toBe(false);
    expect(isCancellable(journey([stop('departed')]))).toBe(false);
  });

  it('tells of an end once, and not of what had ended before', () => {
    const over = journey([stop('departed')], { id: 'a' });
    const before = new Map([
      ['a', false],
      ['b', true]
    ]);
    const old = journey([stop('departed')], { id: 'b' });
    const unknown = journey([stop('departed')], { id: 'c' });
    expect(newlyEnded(before, [over, old, unknown])).toEqual([over]);
    expect(newlyEnded(new Map([['a', true]]), [over])).toEqual([]);
  });

  it('counts those that travel', () => {
    expect(
      countTravelling([journey([stop('held')]), journey([stop('departed')])])
    ).toBe(1);
  });
});
