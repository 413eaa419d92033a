/**
 * Names of members, as the roster takes them.
 */

const MEMBER_NAME = /^[a-z][a-z0-9-]{0,61}[a-z0-9]$/;

export function isMemberName(name: string): boolean {
  return MEMBER_NAME.test(name);
}

/** The member's name that a hub user most likely has; '' if nothing of it is left. */
export function suggestMemberName(user: string | null): string {
  const name = (user ?? '')
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    // Of an address, the person's part.
    .replace(/@.*$/, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 63)
    .replace(/-+$/, '');
  return isMemberName(name) ? name : '';
}
