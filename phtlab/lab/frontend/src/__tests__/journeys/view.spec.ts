import { nullTranslator } from '@jupyterlab/translation';

import { IRouteMap, IRouteStop } from '../../journeys/routeMap';
import { JourneyView } from '../../journeys/view';

const trans = nullTranslator.load('phtlab');
const NOON = Date.parse('2026-05-04T12:00:00Z');
const HOSTILE = '<img src=x onerror=alert(1)>\u202e' + 'x'.repeat(10_000);

function stop(state: string, changes: Partial<IRouteStop> = {}): IRouteStop {
  return {
    station: 'cleveland',
    number: 0,
    state,
    final: ['departed', 'failed', 'refused', 'cancelled'].includes(state),
    contradicted: false,
    sentence: '',
    error: null,
    cell: null,
    cells: null,
    updated: '2026-05-04T12:00:00Z',
    seconds: null,
    ...changes
  };
}

function journey(
  stops: IRouteStop[],
  changes: Partial<IRouteMap> = {}
): IRouteMap {
  return {
    id: 'sha256:1',
    short: '1',
    train_name: 'heart',
    researcher: 'ada',
    submitted: '2026-05-04T11:59:30Z',
    done: stops.every(each => each.final),
    cancelled: false,
    removed: null,
    stops,
    ...changes
  };
}

function shown(map: IRouteMap, options = {}) {
  const actions = {
    openCell: jest.fn(),
    openResults: jest.fn(),
    sendAgain: jest.fn(),
    cancel: jest.fn(),
    resume: jest.fn()
  };
  const view = new JourneyView({ trans, actions, ...options });
  document.body.replaceChildren(view.node);
  view.update(map, NOON);
  return { view, actions, node: view.node };
}

function isVisible(element: Element): boolean {
  return element.closest('[hidden]') === null;
}

function texts(node: Element, name: string): string[] {
  return Array.from(node.querySelectorAll(`.pht-journey-${name}`))
    .filter(isVisible)
    .map(element => element.textContent ?? '');
}

function button(node: Element, label: string): HTMLButtonElement {
  const found = Array.from(node.querySelectorAll('button')).filter(
    element => isVisible(element) && element.textContent === label
  );
  expect(found).toHaveLength(1);
  return found[0];
}

function labels(node: Element): string[] {
  return Array.from(node.querySelectorAll('button'))
    .filter(isVisible)
    .map(element => element.textContent ?? '');
}

describe('stops', () => {
  it('are a list in the order of the route, with mark, word and time', () => {
    const { node } = shown(
      journey([
        stop('running', { station: 'ulm', number: 1, cell: 3, cells: 5 }),
        stop('departed', { seconds: 0.84, size: 14_200 })
      ])
    );
    expect(node.querySelector('[role=list]')?.children).toHaveLength(2);
    expect(texts(node, 'station')).toEqual(['cleveland', 'ulm']);
    expect(texts(node, 'mark')).toEqual(['✓', '●']);
    expect(texts(node, 'word')).toEqual(['departed', 'running, cell 3 of 5']);
    expect(texts(node, 'spent')).toEqual([
      'ran 0.8 s, sent 14.2 kB',
      'for 0 s'
    ]);
  });

  it('that run have a progress bar with their words', () => {
    const { node } = shown(journey([stop('running', { cell: 9, cells: 5 })]));
    const bar = node.querySelector('[role=progressbar]')!;
    expect(isVisible(bar)).toBe(true);
    expect(bar.getAttribute('aria-label')).toBe('cleveland');
    expect(bar.getAttribute('aria-valuenow')).toBe('5');
    expect(bar.getAttribute('aria-valuetext')).toBe('running, cell 9 of 5');
  });

  it('have marks that differ without colour', () => {
    const states = ['offered', 'held', 'running', 'departed', 'failed'];
    const marks = [...states, 'cancelled'].map(
      state => texts(shown(journey([stop(state)])).node, 'mark')[0]
    );
    expect(new Set(marks).size).toBe(marks.length);
  });

  it('are updated in place, and those that are gone are removed', () => {
    const { view, node } = shown(
      journey([stop('running'), stop('held', { station: 'ulm', number: 1 })])
    );
    const [first] = node.querySelectorAll('li');
    view.update(journey([stop('departed')]), NOON);
    expect([...node.querySelectorAll('li')]).toEqual([first]);
    expect(first.dataset.state).toBe('departed');
    expect(first.classList).not.toContain('pht-mod-busy');
  });

  it('that run count on from what was heard, by this clock', () => {
    const { view, node } = shown(journey([stop('running', { seconds: 12 })]));
    expect(texts(node, 'spent')).toEqual(['for 12 s']);
    view.tick(NOON + 3000);
    expect(texts(node, 'spent')).toEqual(['for 15 s']);
  });

  it('that failed name the error and lead to its cell', () => {
    const error = { type: 'KeyError', cell: 4, line: 2, message: "'age'" };
    const map = journey([stop('failed', { sentence: 'It failed.', error })]);
    const { node, actions } = shown(map);
    expect(texts(node, 'sentence')).toEqual(['It failed.']);
    expect(texts(node, 'error-words')).toEqual(['KeyError in cell 4, line 2']);
    expect(texts(node, 'error-message')).toEqual(["'age'"]);
    button(node, 'Go to cell 4, line 2').click();
    expect(actions.openCell).toHaveBeenCalledWith(map, error);
  });

  it('that signed two records are an alarm', () => {
    const { node } = shown(journey([stop('departed', { contradicted: true })]));
    expect(texts(node, 'mark')).toEqual(['!']);
    expect(texts(node, 'word')).toEqual(['departed · two records']);
    expect(node.querySelector('[role=alert]')?.textContent).toMatch(
      /^cleveland signed two different records/
    );
  });
});

describe('what others wrote', () => {
  it('becomes text of bounded length', () => {
    const error = { type: HOSTILE, cell: 1, line: 1, message: HOSTILE };
    const { node, view } = shown(
      journey(
        [
          stop('failed', {
            station: HOSTILE,
            state: HOSTILE,
            sentence: HOSTILE,
            contradicted: true,
            error
          })
        ],
        {
          short: HOSTILE,
          train_name: HOSTILE,
          researcher: HOSTILE,
          summary: HOSTILE,
          mine: false,
          route: HOSTILE,
          continues: HOSTILE,
          continued_by: HOSTILE,
          parameters: { [HOSTILE]: HOSTILE }
        }
      )
    );
    view.notify(HOSTILE);
    expect(node.querySelector('img, script')).toBeNull();
    expect(texts(node, 'name')[0]).toMatch(/^<img src=x onerror=a…x/);
    expect(texts(node, 'name')[0]).toHaveLength(40);
    expect(texts(node, 'station')[0]).toHaveLength(40);
    expect(node.textContent).not.toContain('\u202e');
    expect(node.textContent!.length).toBeLessThan(3500);
  });
});

describe('buttons', () => {
  it('open results as soon as something departed', () => {
    const map = journey([stop('departed'), stop('held', { number: 1 })]);
    const { node, actions, view } = shown(map);
    button(node, 'Results so far (1 of 2)').click();
    expect(actions.openResults).toHaveBeenCalledWith(map);
    view.update(journey([stop('departed')]), NOON);
    expect(button(node, 'Results').classList).toContain('pht-mod-accept');
    view.update(journey([stop('departed')], { removed: 'yes' }), NOON);
    expect(labels(node)).toEqual(['Send again…']);
    expect(texts(node, 'facts')[0]).toContain('its results were removed');
  });

  it('cancel after a question, and say so until the journey is', async () => {
    const map = journey([stop('running')]);
    const { node, actions, view } = shown(map);
    button(node, 'Cancel…').click();
    expect(document.activeElement).toBe(button(node, 'Keep going'));
    document.activeElement!.dispatchEvent(
      new KeyboardEvent('keydown', { key: 'Escape', bubbles: true })
    );
    expect(document.activeElement).toBe(button(node, 'Cancel…'));
    expect(actions.cancel).not.toHaveBeenCalled();
    button(node, 'Cancel…').click();
    button(node, 'Cancel the journey').click();
    expect(actions.cancel).toHaveBeenCalledTimes(1);
    expect(button(node, 'Asking the stations to stop…').disabled).toBe(true);
    view.update({ ...map, cancelled: true }, NOON);
    expect(labels(node)).toEqual(['Send again…']);
  });

  it('tell why a journey was not cancelled, and can be pressed again', async () => {
    const { node, actions } = shown(journey([stop('running')]), {
      cancelAsks: true
    });
    actions.cancel.mockRejectedValue(new Error('Central does not answer.'));
    button(node, 'Cancel').click();
    await Promise.resolve();
    await Promise.resolve();
    expect(texts(node, 'notice')).toEqual(['Central does not answer.']);
    expect(button(node, 'Cancel').disabled).toBe(false);
  });

  it('cancel no journey of somebody else', () => {
    const { node } = shown(journey([stop('running')], { mine: false }));
    expect(labels(node)).toEqual(['Send again…']);
    expect(texts(node, 'facts')).toEqual(['by ada']);
  });

  it('are not there where nothing can be done', () => {
    const { node } = shown(journey([stop('running')]), {
      actions: { openCell: jest.fn(), openResults: jest.fn() }
    });
    expect(labels(node)).toEqual([]);
    expect(isVisible(node.querySelector('footer')!)).toBe(false);
  });
});

it('has a heading where it stands alone, and none as a part', () => {
  const map = journey([stop('running')], { summary: 'running at ulm' });
  const alone = shown(map).node;
  expect(alone.getAttribute('aria-label')).toBe('Journey 1 of heart');
  expect(texts(alone, 'summary')).toEqual(['running at ulm']);
  expect(alone.querySelector('[aria-live]')?.textContent).toBe(
    'heart: running at ulm'
  );
  const part = shown({ ...map, summary: undefined }, { isPart: true }).node;
  expect(part.querySelector('header, [aria-live]')).toBeNull();
  expect(part.querySelector('ol')?.getAttribute('aria-label')).toBe(
    'Route of heart'
  );
  expect(texts(part, 'facts')).toEqual(['Journey 1']);
});

describe('a sequential route', () => {
  const stops = [
    stop('running', { station: 'ulm', number: 1 }),
    stop('departed'),
    stop('offered', { station: 'jena', number: 2 })
  ];

  it('says for whom a stop waits', () => {
    const { node, view } = shown(journey(stops, { route: 'sequential' }));
    expect(texts(node, 'word')).toEqual([
      'departed',
      'running',
      'waits for ulm'
    ]);
    expect(node.querySelector('ol')?.dataset.order).toBe('sequential');
    const held = [stop('held'), stops[2], { ...stops[0], state: 'offered' }];
    view.update(journey(held, { route: 'sequential' }), NOON);
    expect(texts(node, 'word').slice(1)).toEqual([
      'waits for cleveland',
      'waits for cleveland'
    ]);
  });

  it('that is parallel has stops that wait for no other', () => {
    const { node } = shown(journey(stops, { route: 'parallel' }));
    expect(texts(node, 'word')[2]).toBe('waiting');
  });

  const ended = journey(
    [
      stop('departed'),
      stop('failed', { station: 'ulm', number: 1 }),
      stop('cancelled', { station: 'jena', number: 2 })
    ],
    { route: 'sequential', resumable: true, mine: true }
  );

  it('that ended early is resumed from where it stopped', () => {
    const { node, actions } = shown(ended);
    const resume = button(node, 'Resume…');
    expect(resume.title).toContain('Continue at ulm');
    resume.click();
    expect(actions.resume).toHaveBeenCalledWith(ended);
  });

  it('is not resumed where it was, by others, or where nothing can', () => {
    const continued = {
      ...ended,
      resumable: false,
      continued_by: `sha256:${'b'.repeat(64)}`
    };
    const { node } = shown(continued);
    expect(labels(node)).not.toContain('Resume…');
    expect(texts(node, 'facts')[0]).toBe('continued by journey bbbbbbbbbbbb');
    const foreign = shown({ ...ended, mine: false }).node;
    expect(labels(foreign)).not.toContain('Resume…');
    const actions = { openCell: jest.fn(), openResults: jest.fn() };
    expect(labels(shown(ended, { actions }).node)).toEqual(['Results']);
  });
});
