import { nullTranslator } from '@jupyterlab/translation';

import { IRouteMap, parseRouteMap } from '../../journeys/routeMap';
import { roundTicks, valueText, yScale } from '../../journeys/roundsPlot';
import { JourneyView } from '../../journeys/view';
import maps from './routeMaps.json';

const trans = nullTranslator.load('phtlab');
const iterating = maps[3] as IRouteMap;

function shown(map: IRouteMap) {
  const finish = jest.fn();
  const view = new JourneyView({
    trans,
    actions: { openCell: jest.fn(), openResults: jest.fn(), finish }
  });
  view.update(map, Date.parse('2026-03-02T12:00:00Z'));
  const press = (label: string) => {
    const buttons = Array.from(view.node.querySelectorAll('button'));
    const button = buttons.find(
      each => each.closest('[hidden]') === null && each.textContent === label
    );
    button?.click();
    return button !== undefined;
  };
  return { view, finish, press, node: view.node };
}

function texts(node: Element, name: string): (string | null)[] {
  const found = node.querySelectorAll(`.pht-journey-${name}`);
  return Array.from(found).map(element => element.textContent);
}

describe('the rounds of a journey', () => {
  it('say who was heard, who is awaited, and what was reported', () => {
    const { node } = shown(iterating);
    expect(texts(node, 'rounds-number')).toEqual(['Round 3']);
    expect(texts(node, 'answer')).toEqual([
      '✓cleveland heard',
      '…hungary awaited'
    ]);
    expect(texts(node, 'plot-name')).toEqual(['step']);
    expect(texts(node, 'plot-last')).toEqual(['0.01']);
    expect(node.querySelectorAll('circle')).toHaveLength(2);
  });

  it('end early after a question, once', () => {
    const { view, finish, press } = shown(iterating);
    expect(press('Stop early…')).toBe(true);
    expect(finish).not.toHaveBeenCalled();
    expect(press('Keep going')).toBe(true);
    press('Stop early…');
    expect(press('Stop early')).toBe(true);
    expect(finish).toHaveBeenCalledTimes(1);
    expect(press('Stop early…')).toBe(false);
    view.update({
      ...iterating,
      rounds: { ...iterating.rounds!, most: 20, ended: true, awaited: [] }
    });
    expect(texts(view.node, 'rounds-number')).toEqual([
      'Ended after round 3 of at most 20'
    ]);
    expect(press('Ending the rounds…')).toBe(false);
  });

  it('say who combines them, where that is an aggregator', () => {
    const { node } = shown(maps[4] as IRouteMap);
    expect(texts(node, 'station-name')).toEqual([
      'cleveland',
      'hungary',
      'adder (combines)'
    ]);
    expect(texts(node, 'answer')).toHaveLength(2);
  });

  it('say that a locked key keeps what was reported', () => {
    const rounds = { ...iterating.rounds!, lines: [], locked: true };
    const { view, node } = shown({ ...iterating, rounds });
    expect(texts(node, 'rounds-locked')).toEqual([
      'Unlock your key to see what was reported.'
    ]);
    view.update(iterating);
    const locked = node.querySelector('.pht-journey-rounds-locked');
    expect(locked?.hasAttribute('hidden')).toBe(true);
  });

  it('are absent on other routes', () => {
    const { node, press } = shown(maps[0] as IRouteMap);
    expect(
      node.querySelector('.pht-journey-rounds')?.hasAttribute('hidden')
    ).toBe(true);
    expect(press('Stop early…')).toBe(false);
  });

  it('are read from a notebook that anybody may have written', () => {
    const lines = [
      { name: 'loss', rounds: [1, 2], values: [3, 4] },
      { name: 'uneven', rounds: [1], values: [3, 4] },
      { name: 'words', rounds: ['1'], values: [3] },
      7
    ];
    const rounds = { ...iterating.rounds, heard: [1, 'ulm'], lines };
    const read = parseRouteMap({ ...iterating, rounds })!.rounds!;
    expect(read.heard).toEqual(['ulm']);
    expect(read.lines).toEqual([lines[0]]);
    expect(parseRouteMap({ ...iterating, rounds: 3 })!.rounds).toBeNull();
  });
});

describe('the plot', () => {
  it('is logarithmic where magnitudes differ', () => {
    const wide = yScale([1, 1e-10]);
    expect(wide.at(1)).toBe(1);
    expect(wide.at(1e-10)).toBe(0);
    const narrow = yScale([2, 3]);
    expect(narrow.at(2)).toBeGreaterThan(0);
    expect(narrow.at(3)).toBeLessThan(1);
    expect(narrow.ticks.length).toBeGreaterThan(1);
    expect(yScale([0]).ticks.length).toBeGreaterThan(0);
  });

  it('has whole rounds, and short numbers', () => {
    expect(roundTicks(7)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(roundTicks(10_000).length).toBeLessThan(10);
    expect(valueText(0.000012)).toBe('1.2e-5');
    expect(valueText(0.123456)).toBe('0.1235');
  });
});
