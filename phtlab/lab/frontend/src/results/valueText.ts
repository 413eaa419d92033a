/**
 * Values and shapes as text.
 */

export function isMissing(value: unknown): boolean {
  return (
    value === null ||
    value === undefined ||
    (typeof value === 'number' && Number.isNaN(value))
  );
}

/** A value as it is, for copying. */
export function fullText(value: unknown): string {
  if (isMissing(value)) {
    return '';
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

const DIGITS = 6;

/** A value as it is shown: numbers to six digits. */
export function shortText(value: unknown): string {
  if (typeof value === 'number' && !Number.isInteger(value)) {
    return String(Number(value.toPrecision(DIGITS)));
  }
  return fullText(value);
}

/** `3 × 4`; a single number has no dimensions. */
export function shapeText(shape: readonly number[], scalar: string): string {
  return shape.length ? shape.join(' × ') : scalar;
}
