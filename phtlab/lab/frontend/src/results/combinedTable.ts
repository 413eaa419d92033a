/**
 * The tables of all stations as one table, and its order.
 */
import { ITable } from '../server/api';
import { IPart } from './outputs';
import { fullText, isMissing } from './valueText';

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
      const right = b.row[column];
      if (isMissing(left) || isMissing(right)) {
        return (
          Number(isMissing(left)) - Number(isMissing(right)) ||
          a.place - b.place
        );
      }
      return sign * compare(left, right) || a.place - b.place;
    })
    .map(({ row }) => row);
}

const collator = new Intl.Collator(undefined, { numeric: true });

function compare(left: unknown, right: unknown): number {
  if (typeof left === 'number' && typeof right === 'number') {
    return left - right;
  }
  if (typeof left === 'boolean' && typeof right === 'boolean') {
    return Number(left) - Number(right);
  }
  return collator.compare(fullText(left), fullText(right));
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
