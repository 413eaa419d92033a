/**
 * The ids of the commands that more than one plugin names. The plugin that adds a command describes
 * its arguments.
 */

export const OPEN_TRAIN = 'phtlab:open-train';
export const OPEN_CELL = 'phtlab:open-cell';
export const OPEN_TUTORIAL = 'phtlab:open-tutorial';
export const NEW_ANALYSIS = 'phtlab:new-analysis';

export const FIX_PROBLEM = 'phtlab:fix-problem';
export const NEXT_PROBLEM = 'phtlab:next-problem';

export const DRY_RUN = 'phtlab:dry-run';
export const DISPATCH = 'phtlab:dispatch';
export const SEND_AGAIN = 'phtlab:send-again';
export const RESUME = 'phtlab:resume-journey';
/** Takes `{ journey: its id }`. The widgets in notebooks dispatch a window event of this name. */
export const OPEN_RESULTS = 'phtlab:open-results';

export const PROPOSE = 'phtlab:propose';
export const WITHDRAW = 'phtlab:withdraw-proposal';

export const OPEN_KEYS = 'phtlab:open-keys';
/** Resolves to whether the key is unlocked; asks for the passphrase if it is not. */
export const UNLOCK = 'phtlab:unlock';
export const LOCK = 'phtlab:lock';
