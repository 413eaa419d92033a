/** The command that opens the Keys panel. */
export const OPEN_KEYS = 'phtlab:open-keys';
