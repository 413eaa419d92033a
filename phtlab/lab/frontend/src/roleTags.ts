/**
 * Where a cell runs, read from its tags and written into them: phtlab/notebook/cell.py in the
 * browser. The file stays an ordinary notebook.
 */

export type Role =
  'parameters' | 'station' | 'round' | 'combine' | 'aggregate' | 'local';

/** In the order in which Python's side looks for them. */
export const ROLES: readonly Role[] = [
  'parameters',
  'station',
  'round',
  'combine',
  'aggregate',
  'local'
];

const TRAVELLING: ReadonlySet<Role> = new Set([
  'parameters',
  'station',
  'round',
  'combine'
]);

/** Whether a cell of that role is part of the train. Stations run all but combine cells. */
export function isInTrain(role: Role): boolean {
  return TRAVELLING.has(role);
}

/** The role that tags give, null if they give none: the cell is local then. */
export function declaredRole(tags: unknown): Role | null {
  if (!Array.isArray(tags)) {
    return null;
  }
  return ROLES.find(role => tags.includes(role)) ?? null;
}

/**
 * The tags with which a cell has that role: the others untouched, the role where one was before.
 * `undefined` if no tag would be left. Tags that already say it come back as they are.
 */
export function tagsWithRole(tags: unknown, role: Role): unknown {
  const known: unknown[] = Array.isArray(tags) ? tags : [];
  const roles = known.filter(isRole);
  const isDeclared = roles.length === 1 ? roles[0] === role : false;
  if (isDeclared || (roles.length === 0 && role === 'local')) {
    return tags;
  }
  const made: unknown[] = [];
  let isPlaced = role === 'local';
  for (const tag of known) {
    if (!isRole(tag)) {
      made.push(tag);
    } else if (!isPlaced) {
      made.push(role);
      isPlaced = true;
    }
  }
  if (!isPlaced) {
    made.push(role);
  }
  return made.length > 0 ? made : undefined;
}

function isRole(tag: unknown): tag is Role {
  return (ROLES as readonly unknown[]).includes(tag);
}
