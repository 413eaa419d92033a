/**
 * The status of a journey: progress, times, marks and texts, as pure functions.
 *
 * Times come from central, and the browser's clock is another: what would be negative is 0.
 */
import { TranslationBundle } from '@jupyterlab/translation';

import { ICellError, IJourney } from '../server/api';
import { IMark } from '../text/mark';
import { sizeText } from '../text/size';
import { formatDuration, formatRunTime, parseTime } from '../text/time';
import { isolateName, truncateMiddle } from '../text/untrusted';
import { IRouteMap, IRouteStop } from './routeMap';

export interface IProgress {
  /** Stops that have ended. */
  done: number;
  total: number;
  /** From 0 to 1, running cells counted in part. */
  fraction: number;
}

/** How far a stop in this state is; a running one also by its cells. */
const PROGRESS_BY_STATE: { [state: string]: number } = {
  offered: 0,
  verified: 0.05,
  held: 0.1,
  admitted: 0.1,
  running: 0.15,
  airlock: 0.85,
  sealed: 0.95
};
const RUNNING_SHARE = PROGRESS_BY_STATE.airlock - PROGRESS_BY_STATE.running;

const WAITING = new Set(['offered', 'verified', 'held']);

/** The newest first; of the same moment, always in the same order. */
export function newestFirst(journeys: readonly IJourney[]): IJourney[] {
  return [...journeys].sort(
    (a, b) =>
      parseTime(b.submitted) - parseTime(a.submitted) || (a.id < b.id ? -1 : 1)
  );
}

/** The stops in the order of the route. */
export function inRouteOrder<T extends IRouteStop>(stops: readonly T[]): T[] {
  return [...stops].sort((a, b) => a.number - b.number);
}

export function progress(journey: IJourney): IProgress {
  const total = journey.stops.length;
  const done = journey.stops.filter(stop => stop.final).length;
  const sum = journey.stops.reduce((far, stop) => far + stopProgress(stop), 0);
  return { done, total, fraction: total === 0 ? 0 : sum / total };
}

function stopProgress(stop: IRouteStop): number {
  if (stop.final) {
    return 1;
  }
  const far = PROGRESS_BY_STATE[stop.state] ?? 0;
  if (stop.state !== 'running' || !stop.cells) {
    return far;
  }
  // `cell` is the one that runs now: those before it are behind us.
  const behind = Math.max((stop.cell ?? 1) - 1, 0) / stop.cells;
  return far + RUNNING_SHARE * Math.min(behind, 1);
}

/** Whether its time still runs. */
export function isTravelling(journey: IJourney): boolean {
  return !journey.done;
}

export function countTravelling(journeys: readonly IJourney[]): number {
  return journeys.filter(isTravelling).length;
}

/** Seconds from submission to now, or to the last stop's end. */
export function elapsedSeconds(journey: IJourney, now: number): number {
  const end = journey.done ? endTime(journey) : now;
  return Math.max((end - parseTime(journey.submitted)) / 1000, 0);
}

/** When the last stop ended, in milliseconds; of what goes on, its last news. */
export function endTime(journey: IRouteMap): number {
  return journey.stops.reduce(
    (latest, stop) => Math.max(latest, parseTime(stop.updated)),
    parseTime(journey.submitted)
  );
}

/** Seconds at a stop: what it says itself, else since its last news while it is at work. */
export function stopSeconds(stop: IRouteStop, now: number): number | null {
  if (stop.seconds !== null) {
    return stop.seconds;
  }
  if (stop.final || WAITING.has(stop.state)) {
    return null;
  }
  return Math.max((now - parseTime(stop.updated)) / 1000, 0);
}

/** A stop's mark and word. Words that are new here are shown as they came. */
export function stopMark(state: string, trans: TranslationBundle): IMark {
  switch (state) {
    case 'offered':
      return { mark: '○', tone: 'waiting', label: trans.__('waiting') };
    case 'verified':
      return { mark: '○', tone: 'waiting', label: trans.__('verified') };
    case 'held':
      return {
        mark: '‖',
        tone: 'waiting',
        label: trans.__('held: a person there decides')
      };
    case 'admitted':
      return { mark: '●', tone: 'moving', label: trans.__('admitted') };
    case 'running':
      return { mark: '●', tone: 'moving', label: trans.__('running') };
    case 'airlock':
      return {
        mark: '●',
        tone: 'moving',
        label: trans.__('airlock: outputs are checked')
      };
    case 'sealed':
      return { mark: '●', tone: 'moving', label: trans.__('sealed') };
    case 'departed':
      return { mark: '✓', tone: 'good', label: trans.__('departed') };
    case 'failed':
      return { mark: '✗', tone: 'bad', label: trans.__('failed') };
    case 'refused':
      return { mark: '✗', tone: 'bad', label: trans.__('refused') };
    case 'cancelled':
      return { mark: '–', tone: 'still', label: trans.__('cancelled') };
    default:
      return { mark: '●', tone: 'waiting', label: truncateMiddle(state, 40) };
  }
}

/** The station whose turn it is on a sequential route; null on others, and at the end. */
export function stationAtTurn(journey: IRouteMap): string | null {
  const present = inRouteOrder(journey.stops).find(stop => !stop.final);
  return journey.route === 'sequential' && present ? present.station : null;
}

/** `running, cell 3 of 5`: a stop's state on one line. `turn` is the station whose turn it is. */
export function stopText(
  stop: IRouteStop,
  trans: TranslationBundle,
  turn: string | null = null
): string {
  const isWaiting = stop.state === 'offered' || stop.state === 'verified';
  if (isWaiting && turn !== null && turn !== stop.station) {
    return trans.__('waits for %1', truncateMiddle(turn, 40));
  }
  const { label } = stopMark(stop.state, trans);
  return stop.state === 'running' && stop.cells
    ? trans.__('%1, cell %2 of %3', label, stop.cell ?? 0, stop.cells)
    : label;
}

/** `for 12 s`, or `ran 2.5 s, sent 14 kB`: how long it has been there, and what came of it. */
export function timeAndSizeText(
  stop: IRouteStop,
  seconds: number | null,
  trans: TranslationBundle
): string {
  if (!stop.final) {
    return seconds === null
      ? ''
      : trans.__('for %1', formatDuration(seconds, trans));
  }
  const parts =
    seconds === null ? [] : [trans.__('ran %1', formatRunTime(seconds, trans))];
  if (stop.size) {
    parts.push(trans.__('sent %1', sizeText(stop.size)));
  }
  return parts.join(', ');
}

/** The stations that signed two records of the journey, in the order of its route. */
export function contradictingStations(journey: IRouteMap): string[] {
  return inRouteOrder(journey.stops)
    .filter(stop => stop.contradicted)
    .map(stop => stop.station);
}

/** What is said of them, after their names. */
export function contradictionWarning(
  stations: readonly string[],
  trans: TranslationBundle
): string {
  return trans.__(
    '%1 signed two different records of this journey. Do not rely on either before its operator says which one counts.',
    stations.map(name => truncateMiddle(name, 40)).join(', ')
  );
}

/** The journeys of which a second record was signed between two moments. */
export function newlyContradicted(
  before: ReadonlyMap<string, number>,
  journeys: readonly IJourney[]
): IJourney[] {
  return journeys.filter(
    journey =>
      contradictingStations(journey).length > (before.get(journey.id) ?? 0)
  );
}

/** The journey's mark and word as a whole. */
export function journeyMark(journey: IRouteMap, trans: TranslationBundle) {
  if (contradictingStations(journey).length > 0) {
    const label = trans.__('two records: do not rely on it');
    return { mark: '!', tone: 'bad', label } as IMark;
  }
  return journey.done
    ? endMark(journey, trans)
    : travellingMark(journey, trans);
}

function travellingMark(journey: IRouteMap, trans: TranslationBundle): IMark {
  const states = journey.stops.map(stop => stop.state);
  if (journey.cancelled) {
    return { mark: '–', tone: 'moving', label: trans.__('being cancelled') };
  }
  if (states.some(state => stopMark(state, trans).tone === 'moving')) {
    return { mark: '●', tone: 'moving', label: trans.__('running') };
  }
  if (states.includes('held')) {
    return { mark: '‖', tone: 'waiting', label: trans.__('held') };
  }
  const turn = stationAtTurn(journey);
  const label = turn
    ? trans.__('waits for %1', truncateMiddle(turn, 40))
    : trans.__('waiting');
  return { mark: '○', tone: 'waiting', label };
}

function endMark(journey: IRouteMap, trans: TranslationBundle): IMark {
  const total = journey.stops.length;
  const count = (state: string) =>
    journey.stops.filter(stop => stop.state === state).length;
  const departed = count('departed');
  if (departed === total) {
    return { mark: '✓', tone: 'good', label: trans.__('done') };
  }
  if (departed > 0) {
    const label = trans.__('%1 of %2 departed', departed, total);
    return { mark: '✗', tone: 'bad', label };
  }
  if (count('cancelled') === total || journey.cancelled) {
    return { mark: '–', tone: 'still', label: trans.__('cancelled') };
  }
  const label =
    count('refused') === total ? trans.__('refused') : trans.__('failed');
  return { mark: '✗', tone: 'bad', label };
}

/** An error as it left the station: `KeyError in cell 4, line 2`, without the message. */
export function errorText(error: ICellError, trans: TranslationBundle) {
  if (error.cell === null) {
    return error.type;
  }
  return error.line === null
    ? trans.__('%1 in cell %2', error.type, error.cell)
    : trans.__('%1 in cell %2, line %3', error.type, error.cell, error.line);
}

/**
 * Whether its results can be asked for, all or those so far: what was removed is gone.
 */
export function hasResults(journey: IRouteMap): boolean {
  return (
    journey.removed === null && (journey.done || countDeparted(journey) > 0)
  );
}

/** What the button says that opens them: `Results so far (1 of 4)` while stops have not ended. */
export function resultsLabel(
  journey: IRouteMap,
  trans: TranslationBundle
): string {
  return journey.done
    ? trans.__('Results')
    : trans.__(
        'Results so far (%1 of %2)',
        countDeparted(journey),
        journey.stops.length
      );
}

function countDeparted(journey: IRouteMap): number {
  return journey.stops.filter(stop => stop.state === 'departed').length;
}

/** Whether the reader can continue it after its last departed stop. */
export function isResumable(journey: IRouteMap): boolean {
  return journey.resumable === true && journey.mine !== false;
}

/** The stations of a journey that can be continued, from the first that did not depart. */
export function remainingStations(journey: IRouteMap): string[] {
  const stops = inRouteOrder(journey.stops);
  const first = stops.findIndex(stop => stop.state !== 'departed');
  return first < 0 ? [] : stops.slice(first).map(stop => stop.station);
}

/** `cleveland → hungary`: the stations of a sequential route, in its order. */
export function routeText(stations: readonly string[]): string {
  return stations.map(isolateName).join(' → ');
}

export function isCancellable(journey: IJourney): boolean {
  return journey.mine && !journey.done && !journey.cancelled;
}

/** Those that ended between two moments: known before as on the way, and now no longer. */
export function newlyEnded(
  before: ReadonlyMap<string, boolean>,
  journeys: readonly IJourney[]
): IJourney[] {
  return journeys.filter(
    journey => journey.done && before.get(journey.id) === false
  );
}

/** `min_age = 50, outcome = any`: the values that were signed. */
export function parametersText(
  parameters: IJourney['parameters'],
  trans: TranslationBundle
): string {
  const names = Object.keys(parameters ?? {});
  if (names.length === 0) {
    return trans.__('no parameters');
  }
  return names
    .map(name => `${name} = ${valueText(parameters![name])}`)
    .join(', ');
}

function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
