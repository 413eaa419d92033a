import {
  IRouteMap,
  parseRouteMap,
  withServerState
} from '../../journeys/routeMap';
import maps from './routeMaps.json';

// The compiler checks that what Python makes is what the view takes.
const EXAMPLES: IRouteMap[] = maps;

it.each(EXAMPLES)('reads what Python wrote of %p', example => {
  expect(parseRouteMap(example)).toEqual(example);
});

it.each([
  null,
  'map',
  [],
  {},
  { stops: 1 },
  { ...EXAMPLES[0], stops: [null] },
  { ...EXAMPLES[0], stops: [{ station: 'ulm' }] },
  { ...EXAMPLES[0], id: 5 },
  { ...EXAMPLES[0], done: 'no' }
])('reads no map in %p', value => {
  expect(parseRouteMap(value)).toBeNull();
});

it('takes nothing over that no map has, and nothing of another type', () => {
  const [stop] = EXAMPLES[0].stops;
  const value = {
    ...EXAMPLES[0],
    mine: true,
    summary: { toString: 'x' },
    stops: [{ ...stop, seconds: 'long', cells: Infinity, error: 'KeyError' }]
  };
  const map = parseRouteMap(value);
  expect(map).not.toHaveProperty('mine');
  expect(map?.summary).toBeUndefined();
  expect(map?.stops[0]).toMatchObject({
    seconds: null,
    cells: null,
    error: null
  });
});

it('is what the server knows while the journey travels', () => {
  const known = { ...EXAMPLES[0], summary: undefined };
  expect(withServerState(EXAMPLES[0], known)).toBe(known);
});

it('that has ended keeps its costs, and takes over removals and doubts', () => {
  const over = { ...EXAMPLES[1], removed: null };
  const [first, ...rest] = over.stops;
  const known = {
    ...over,
    removed: '2026-06-01T00:00:00Z',
    stops: [{ ...first, contradicted: true, size: undefined }]
  };
  expect(withServerState(over, known)).toEqual({
    ...over,
    removed: known.removed,
    stops: [{ ...first, contradicted: true }, ...rest]
  });
  const denied = { ...known, stops: [] };
  expect(withServerState(over, denied).stops).toEqual(over.stops);
});
