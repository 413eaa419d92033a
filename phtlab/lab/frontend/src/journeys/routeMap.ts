/**
 * The map of a journey: what its view shows. A journey of the server is one, with more in it;
 * a notebook's output holds what `phtlab/lab/display/route_map.py` made.
 */
import { ICellError, IParameterValues } from '../server/api';

export interface IRouteStop {
  station: string;
  number: number;
  state: string;
  final: boolean;
  /** Its station signed another record of it as well. */
  contradicted: boolean;
  sentence: string;
  error: ICellError | null;
  cell: number | null;
  cells: number | null;
  updated: string;
  /** How long it ran in all, or has run when the map was made. */
  seconds: number | null;
  /** Bytes of sealed results. */
  size?: number;
  /** Whether it is that of an aggregator, which combines rounds and has no data. */
  combines?: boolean;
}

export interface IReportedLine {
  name: string;
  rounds: readonly number[];
  values: readonly number[];
}

export interface IRouteRounds {
  /** The present round, or the last one. */
  number: number;
  /** The most rounds that the order allows; 0 if unknown. */
  most: number;
  ended: boolean;
  /** The stations whose records of this round are there. */
  heard: readonly string[];
  /** The stations that still compute it. */
  awaited: readonly string[];
  /** What combine cells reported, a number per round and name. */
  lines: readonly IReportedLine[];
  /** Whether the key that opens what was reported is locked. */
  locked?: boolean;
}

export interface IRouteMap {
  id: string;
  short: string;
  train_name: string;
  researcher: string;
  submitted: string;
  done: boolean;
  cancelled: boolean;
  removed: string | null;
  /** Whether stations take turns. */
  route?: string;
  /** The journey that it continues. */
  continues?: string | null;
  /** The journey that continues it. */
  continued_by?: string | null;
  /** Whether its researcher can continue it. */
  resumable?: boolean;
  /** The whole journey in a few words. */
  summary?: string;
  /** Null or absent on a route without rounds. */
  rounds?: IRouteRounds | null;
  mine?: boolean;
  parameters?: IParameterValues | null;
  stops: readonly IRouteStop[];
}

/**
 * A map that a notebook has, with what the server knows of its journey by now.
 *
 * Of one that has ended the notebook knows the costs, and the server what happens later: that its
 * results were removed, that another journey continues it, and that a station signed another record.
 */
export function withServerState(kept: IRouteMap, known: IRouteMap): IRouteMap {
  if (!kept.done) {
    return known;
  }
  const doubted = new Set(
    known.stops
      .filter(({ contradicted }) => contradicted)
      .map(({ station }) => station)
  );
  return {
    ...kept,
    removed: known.removed,
    mine: known.mine,
    continued_by: known.continued_by,
    resumable: known.resumable,
    stops: kept.stops.map(stop => ({
      ...stop,
      contradicted: stop.contradicted || doubted.has(stop.station)
    }))
  };
}

type Json = { [name: string]: unknown };

/** The map in a notebook's output, which anybody may have written; null if it is none. */
export function parseRouteMap(value: unknown): IRouteMap | null {
  if (!isObject(value) || !Array.isArray(value.stops)) {
    return null;
  }
  const stops = value.stops.map(parseStop);
  const isWhole =
    hasTypes(value, 'string', ['id', 'short', 'train_name', 'researcher']) &&
    hasTypes(value, 'string', ['submitted']) &&
    hasTypes(value, 'boolean', ['done', 'cancelled']);
  if (!isWhole || stops.includes(null)) {
    return null;
  }
  const { id, short, train_name, researcher, submitted, done, cancelled } =
    value as unknown as IRouteMap;
  return {
    id,
    short,
    train_name,
    researcher,
    submitted,
    done,
    cancelled,
    removed: textOf(value.removed) ?? null,
    route: textOf(value.route),
    continues: textOf(value.continues) ?? null,
    continued_by: textOf(value.continued_by) ?? null,
    resumable: value.resumable === true,
    summary: textOf(value.summary),
    rounds: parseRounds(value.rounds),
    stops: stops as IRouteStop[]
  };
}

function parseStop(value: unknown): IRouteStop | null {
  if (
    !isObject(value) ||
    !hasTypes(value, 'string', ['station', 'state', 'sentence', 'updated']) ||
    !hasTypes(value, 'boolean', ['final', 'contradicted'])
  ) {
    return null;
  }
  const { station, state, sentence, updated, final, contradicted } =
    value as unknown as IRouteStop;
  return {
    station,
    state,
    sentence,
    updated,
    final,
    contradicted,
    number: numberOf(value.number) ?? 0,
    error: parseError(value.error),
    cell: numberOf(value.cell),
    cells: numberOf(value.cells),
    seconds: numberOf(value.seconds),
    size: numberOf(value.size) ?? 0,
    combines: value.combines === true
  };
}

function parseRounds(value: unknown): IRouteRounds | null {
  if (!isObject(value) || typeof value.ended !== 'boolean') {
    return null;
  }
  const lines = Array.isArray(value.lines) ? value.lines : [];
  return {
    number: numberOf(value.number) ?? 1,
    most: numberOf(value.most) ?? 0,
    ended: value.ended,
    heard: textsOf(value.heard),
    awaited: textsOf(value.awaited),
    lines: lines.map(parseLine).filter(line => line !== null),
    locked: value.locked === true
  };
}

function parseLine(value: unknown): IReportedLine | null {
  if (!isObject(value) || typeof value.name !== 'string') {
    return null;
  }
  const [rounds, values] = [numbersOf(value.rounds), numbersOf(value.values)];
  return rounds.length === values.length
    ? { name: value.name, rounds, values }
    : null;
}

function parseError(value: unknown): ICellError | null {
  return isObject(value) && typeof value.type === 'string'
    ? {
        type: value.type,
        cell: numberOf(value.cell),
        line: numberOf(value.line),
        message: textOf(value.message) ?? null
      }
    : null;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null;
}

function hasTypes(value: Json, type: string, names: string[]): boolean {
  return names.every(name => typeof value[name] === type);
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function numbersOf(value: unknown): number[] {
  return Array.isArray(value) && value.every(item => numberOf(item) !== null)
    ? value
    : [];
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value)
    ? value.filter(item => typeof item === 'string')
    : [];
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
