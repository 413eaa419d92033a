/**
 * Error codes classified by what the person can do.
 */

/** What a refusal means for the person in front of it. */
export type RefusalKind =
  | 'locked'
  | 'no-key'
  | 'not-for-key'
  | 'unfinished'
  | 'unverified'
  | 'unreachable'
  | 'other';

/** Refusals that say: what came is not what was signed, or not by whom. */
const UNVERIFIED =
  /^(signature|record|order|train|roster|seal|output|image)(-|$)|^not-on-roster$/;
const UNREACHABLE =
  /-(unreachable|missing)$|^(unreachable|token-expired|logged-out|http-50[234])$/;

export function refusalKind(code: string): RefusalKind {
  switch (code) {
    case 'key-locked':
      return 'locked';
    case 'key-missing':
      return 'no-key';
    case 'seal-key':
      return 'not-for-key';
    case 'journey-unfinished':
      return 'unfinished';
    default:
      return UNREACHABLE.test(code)
        ? 'unreachable'
        : UNVERIFIED.test(code)
          ? 'unverified'
          : 'other';
  }
}
