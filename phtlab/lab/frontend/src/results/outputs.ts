/**
 * Results grouped by output instead of by station; their tables and texts.
 */
import { IJourney, IOutput, IResults, ITable, IVerdict } from '../server/api';

export interface IPart {
  station: string;
  output: IOutput;
}

export interface INote {
  station: string;
  verdict: IVerdict;
}

/** One output over all stations that sent it, and what their airlocks say of it. */
export interface IOutputGroup {
  /** Tells groups apart: two stations may send one name as two kinds. */
  id: string;
  name: string;
  kind: string;
  parts: IPart[];
  /** Verdicts other than a plain release, in the stations' order. */
  notes: INote[];
  /** Of a dry run: what stations would make of it. */
  foreseen: IForecastVerdict[];
  /** What stations lack of it, and so each number over stations. */
  missing: IMissing[];
}

export interface IForecastVerdict {
  stations: string[];
  verdict: IVerdict;
}

export interface IMissing {
  station: string;
  /** To follow the station's name: `withheld 1 row below 10`. */
  words: string;
}

/** The outputs in the order in which the stations' records name them. */
export function groupOutputs(results: IResults): IOutputGroup[] {
  const groups = new Map<string, IOutputGroup>();
  const group = (name: string, kind: string): IOutputGroup => {
    const id = JSON.stringify([kind, name]);
    let existing = groups.get(id);
    if (!existing) {
      const missing = results.missing.filter(({ output }) => output === name);
      existing = {
        id,
        name,
        kind,
        parts: [],
        notes: [],
        foreseen: [],
        missing
      };
      groups.set(id, existing);
    }
    return existing;
  };
  for (const station of results.stations) {
    const sent = new Map(station.outputs.map(output => [output.name, output]));
    for (const verdict of station.verdicts) {
      const output = sent.get(verdict.name);
      const kind = output?.kind ?? verdict.kind;
      const into = group(verdict.name, kind);
      if (output) {
        into.parts.push({ station: station.station, output });
        sent.delete(verdict.name);
      }
      if (verdict.sentence || verdict.verdict !== 'released') {
        into.notes.push({ station: station.station, verdict });
      }
    }
    for (const output of sent.values()) {
      group(output.name, output.kind).parts.push({
        station: station.station,
        output
      });
    }
  }
  for (const { stations, verdicts } of [
    ...results.stations,
    ...results.failures
  ].flatMap(station => station.forecasts)) {
    for (const verdict of verdicts) {
      group(verdict.name, verdict.kind).foreseen.push({ stations, verdict });
    }
  }
  return [...groups.values()];
}

export interface IVerified {
  /** Stops whose record was verified, out of all. */
  verified: number;
  total: number;
}

export function countVerified(results: IResults): IVerified {
  const count = results.stations.length + results.failures.length;
  const { unsigned, waiting } = results;
  return { verified: count, total: count + unsigned.length + waiting.length };
}

export interface ICombinedTable {
  columns: string[];
  rows: unknown[][];
  /** Stations of whose rows only the first are here. */
  cut: { station: string; shown: number; total: number }[];
}

/**
 * The tables of `parts` as one, the station as the first column.
 *
 * Stations may differ in columns: what a station does not have is null there.
 */
export function combineTables(
  parts: readonly IPart[],
  first: string
): ICombinedTable {
  const columns: string[] = [];
  const places = new Map<string, number>();
  const tables: { station: string; table: ITable; at: number[] }[] = [];
  for (const { station, output } of parts) {
    if (!output.table) {
      continue;
    }
    // A name may stand twice in one table: its second is another column than its first.
    const seen = new Map<string, number>();
    const at = output.table.columns.map(name => {
      const nth = (seen.get(name) ?? 0) + 1;
      seen.set(name, nth);
      const id = JSON.stringify([name, nth]);
      let place = places.get(id);
      if (place === undefined) {
        place = columns.length;
        places.set(id, place);
        columns.push(name);
      }
      return place;
    });
    tables.push({ station, table: output.table, at });
  }
  const rows: unknown[][] = [];
  const cut: ICombinedTable['cut'] = [];
  for (const { station, table, at } of tables) {
    for (const row of table.rows) {
      const combined: unknown[] = new Array(columns.length + 1).fill(null);
      combined[0] = station;
      at.forEach((place, index) => {
        combined[place + 1] = row[index] ?? null;
      });
      rows.push(combined);
    }
    if (table.total > table.rows.length) {
      cut.push({ station, shown: table.rows.length, total: table.total });
    }
  }
  return { columns: [first, ...columns], rows, cut };
}

export type Direction = 'ascending' | 'descending';

/** The rows by one column; equal ones stay as they were, what is missing comes last. */
export function sortRows(
  rows: readonly unknown[][],
  column: number,
  direction: Direction
): unknown[][] {
  const sign = direction === 'ascending' ? 1 : -1;
  return rows
    .map((row, place) => ({ row, place }))
    .sort((a, b) => {
      const left = a.row[column];
      const other = b.row[column];
      if (isMissing(left) || isMissing(other)) {
        return (
          Number(isMissing(left)) - Number(isMissing(other)) ||
          a.place - b.place
        );
      }
      return sign * compare(left, other) || a.place - b.place;
    })
    .map(({ row }) => row);
}

const collator = new Intl.Collator(undefined, { numeric: true });

function compare(one: unknown, other: unknown): number {
  if (typeof one === 'number' && typeof other === 'number') {
    return one - other;
  }
  if (typeof one === 'boolean' && typeof other === 'boolean') {
    return Number(one) - Number(other);
  }
  return collator.compare(fullText(one), fullText(other));
}

export function isMissing(value: unknown): boolean {
  return (
    value === null ||
    value === undefined ||
    (typeof value === 'number' && Number.isNaN(value))
  );
}

/** Whether a column is shown as numbers: all of it that is there is. */
export function isNumeric(rows: readonly unknown[][], column: number): boolean {
  let any = false;
  for (const row of rows) {
    const value = row[column];
    if (isMissing(value)) {
      continue;
    }
    if (typeof value !== 'number') {
      return false;
    }
    any = true;
  }
  return any;
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

/** CSV that no spreadsheet takes for formulas (OWASP, CSV injection). */
export function toCsv(
  columns: readonly string[],
  rows: readonly unknown[][]
): string {
  return [columns, ...rows]
    .map(row => row.map(value => csvField(value)).join(',') + '\r\n')
    .join('');
}

function csvField(value: unknown): string {
  const text = fullText(value);
  // A negative number is no formula; a text that begins like one may be.
  const safe =
    typeof value !== 'number' && /^[=+\-@\t\r\n]/.test(text)
      ? `'${text}`
      : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

/** Pixels beyond which no picture is shown: a few bytes can claim billions. */
const MAX_PIXELS = 50_000_000;
const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** The signature, and the first chunk up to width and height. */
const PNG_HEAD = 24;

/** The address of the picture in `base64`; null if that is no PNG, or a huge one. */
export function pngSource(base64: string): string | null {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64) || base64.length % 4) {
    return null;
  }
  const head = atob(base64.slice(0, (PNG_HEAD / 3) * 4));
  const byte = (at: number) => head.charCodeAt(at);
  const word = (at: number) =>
    ((byte(at) << 24) |
      (byte(at + 1) << 16) |
      (byte(at + 2) << 8) |
      byte(at + 3)) >>>
    0;
  if (
    head.length < PNG_HEAD ||
    PNG_SIGNATURE.some((wanted, at) => byte(at) !== wanted) ||
    head.slice(12, 16) !== 'IHDR' ||
    word(16) * word(20) > MAX_PIXELS
  ) {
    return null;
  }
  return `data:image/png;base64,${base64}`;
}

/** `3 × 4`; a single number has no dimensions. */
export function shapeText(shape: readonly number[], scalar: string): string {
  return shape.length ? shape.join(' × ') : scalar;
}

/** `1.5 kB`. */
export function sizeText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${unit ? size.toFixed(1) : size} ${units[unit]}`;
}

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

/** The folder that an export is proposed to go to. */
export function exportFolder(journey: IJourney): string {
  const name = journey.train_name
    .replace(/\.ipynb$/, '')
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
  const day = /^\d{4}-\d{2}-\d{2}/.exec(journey.submitted)?.[0];
  return ['results', name, day, journey.short.slice(0, 6)]
    .filter(part => part)
    .join('-');
}
