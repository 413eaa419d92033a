/** The command that opens the results of a journey: `{ journey: its id }`; the event too. */
export const OPEN_RESULTS = 'phtlab:open-results';

/** The journey's id out of what anybody may have sent; null if there is none. */
export function journeyId(detail: unknown): string | null {
  const { journey } = (detail ?? {}) as { [name: string]: unknown };
  return typeof journey === 'string' && /^sha256:[0-9a-f]{64}$/.test(journey)
    ? journey
    : null;
}
