/** The command that opens the results of a journey: `{ journey: its id }`. */
export const OPEN_RESULTS = 'phtlab:open-results';
