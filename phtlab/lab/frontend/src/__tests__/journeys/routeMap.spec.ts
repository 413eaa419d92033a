import { IRouteMap, parseRouteMap } from '../../journeys/routeMap';
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
