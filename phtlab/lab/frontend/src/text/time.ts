/**
 * Times and durations as text.
 */
import { TranslationBundle } from '@jupyterlab/translation';

/** `12 s`, `2 min 05 s`, `1 h 04 min`, `3 days`. */
export function formatDuration(
  seconds: number,
  trans: TranslationBundle
): string {
  const whole = Math.floor(Math.max(seconds, 0));
  if (whole < 60) {
    return trans.__('%1 s', whole);
  }
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) {
    const rest = String(whole % 60).padStart(2, '0');
    return trans.__('%1 min %2 s', minutes, rest);
  }
  const hours = Math.floor(minutes / 60);
  if (hours < 48) {
    const rest = String(minutes % 60).padStart(2, '0');
    return trans.__('%1 h %2 min', hours, rest);
  }
  const days = Math.floor(hours / 24);
  return trans._n('%1 day', '%1 days', days);
}

/** As `formatDuration`, and of less than ten seconds the tenths: `0.8 s`. */
export function formatRunTime(
  seconds: number,
  trans: TranslationBundle
): string {
  return seconds < 10
    ? trans.__('%1 s', Math.max(seconds, 0).toFixed(1))
    : formatDuration(seconds, trans);
}

/** `just now`, `5 min ago`, `2 h ago`, `3 days ago`. */
export function formatAge(then: number, now: number, trans: TranslationBundle) {
  const minutes = Math.floor(Math.max(now - then, 0) / 60_000);
  if (minutes < 1) {
    return trans.__('just now');
  }
  if (minutes < 60) {
    return trans.__('%1 min ago', minutes);
  }
  const hours = Math.floor(minutes / 60);
  if (hours < 48) {
    return trans.__('%1 h ago', hours);
  }
  return trans._n('%1 day ago', '%1 days ago', Math.floor(hours / 24));
}

/** Milliseconds since 1970; 0 for what is no time. */
export function parseTime(iso: string): number {
  const time = Date.parse(iso);
  return Number.isNaN(time) ? 0 : time;
}
