/**
 * The id of a journey, as window events carry it.
 */

/** The journey's id out of what anybody may have sent; null if there is none. */
export function parseJourneyId(detail: unknown): string | null {
  const { journey } = (detail ?? {}) as { [name: string]: unknown };
  return typeof journey === 'string' && /^sha256:[0-9a-f]{64}$/.test(journey)
    ? journey
    : null;
}
