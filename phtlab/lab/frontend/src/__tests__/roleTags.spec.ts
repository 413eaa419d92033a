import { ROLES, declaredRole, tagsWithRole, isInTrain } from '../roleTags';

describe('declaredRole', () => {
  const cases: [unknown, string | null][] = [
    [undefined, null],
    [[], null],
    [['slow'], null],
    [['station'], 'station'],
    [['slow', 'round'], 'round'],
    [['local'], 'local'],
    [['combine'], 'combine'],
    // Two roles are an error that the checks tell; shown is the one that Python takes.
    [['station', 'parameters'], 'parameters'],
    [['local', 'aggregate'], 'aggregate'],
    // Not tags at all.
    ['station', null],
    [{ station: true }, null],
    [[1, null, 'station'], 'station'],
    // Near misses are for the checks.
    [['Station'], null]
  ];
  it.each(cases)('%j gives %s', (tags, role) => {
    expect(declaredRole(tags)).toBe(role);
  });
});

describe('tagsWithRole', () => {
  const cases: [unknown, (typeof ROLES)[number], unknown][] = [
    [undefined, 'station', ['station']],
    [undefined, 'local', undefined],
    [[], 'local', []],
    [['slow'], 'local', ['slow']],
    [['slow'], 'station', ['slow', 'station']],
    [['a', 'station', 'b'], 'round', ['a', 'round', 'b']],
    [['a', 'station', 'b'], 'local', ['a', 'b']],
    [['station'], 'local', undefined],
    [['local'], 'station', ['station']],
    [['round'], 'combine', ['combine']],
    [['station', 'a', 'round'], 'station', ['station', 'a']],
    [['station', 'a', 'round'], 'aggregate', ['aggregate', 'a']],
    ['not a list', 'station', ['station']],
    ['not a list', 'local', 'not a list']
  ];
  it.each(cases)('%j as %s is %j', (tags, role, made) => {
    expect(tagsWithRole(tags, role)).toEqual(made);
  });

  it('leaves tags that say it already as they are', () => {
    const tags = ['a', 'station'];
    expect(tagsWithRole(tags, 'station')).toBe(tags);
    const local = ['local'];
    expect(tagsWithRole(local, 'local')).toBe(local);
  });
});

it('has parameters, station, round and combine cells in the train', () => {
  expect(ROLES.filter(isInTrain)).toEqual([
    'parameters',
    'station',
    'round',
    'combine'
  ]);
});
