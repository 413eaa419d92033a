/**
 * Text about a station and its data sets.
 */
import { TranslationBundle } from '@jupyterlab/translation';

import { IColumn, IDataSet, IStation } from '../server/api';
import { formatAge, parseTime } from '../text/time';

/** By name, twin stations last: the order does not jump when a state changes. */
export function sortByName(stations: readonly IStation[]): IStation[] {
  return [...stations].sort(
    (a, b) =>
      Number(a.twin) - Number(b.twin) ||
      (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
  );
}

/** `online`, `paused`, `last seen 2 h ago`, `never seen`. */
export function presenceText(
  station: IStation,
  now: number,
  trans: TranslationBundle
): string {
  if (station.online) {
    return station.paused ? trans.__('paused') : trans.__('online');
  }
  if (station.last_seen === null) {
    return trans.__('offline, never seen');
  }
  return trans.__(
    'offline, seen %1',
    formatAge(parseTime(station.last_seen), now, trans)
  );
}

/** The class of a station's row: its colours. */
export function presenceClass(station: IStation): string {
  return !station.online
    ? 'pht-mod-offline'
    : station.paused
      ? 'pht-mod-paused'
      : 'pht-mod-online';
}

/** `1 running, 2 waiting`; empty if there is nothing. */
export function loadText(station: IStation, trans: TranslationBundle): string {
  const parts: string[] = [];
  if (station.running > 0) {
    parts.push(trans.__('%1 running', station.running));
  }
  if (station.waiting > 0) {
    parts.push(trans.__('%1 waiting', station.waiting));
  }
  return parts.join(', ');
}

/** `about 300 rows`; empty where the station does not publish it. A small number rounds to none. */
export function rowCountText(
  dataset: IDataSet,
  trans: TranslationBundle
): string {
  const { rows, rows_rounded_to: step } = dataset;
  if (rows === null) {
    return '';
  }
  if (step === 1) {
    return trans._n('%1 row', '%1 rows', rows);
  }
  return rows === 0
    ? trans.__('few rows')
    : trans._n('about %1 row', 'about %1 rows', rows);
}

/** Those of `needed` that the station does not have. */
export function missingDataSets(
  station: IStation,
  needed: readonly string[]
): string[] {
  const present = new Set(station.datasets.map(dataset => dataset.name));
  return needed.filter(name => !present.has(name));
}

/** What a column may hold: `18 to 100 years`, `at least 0`, `male, female`. */
export function columnText(column: IColumn, trans: TranslationBundle): string {
  if (column.categories !== null) {
    return column.categories.join(', ');
  }
  return [range(column, trans), column.unit].filter(Boolean).join(' ');
}

function range(column: IColumn, trans: TranslationBundle): string {
  const { minimum, maximum } = column;
  if (minimum !== null && maximum !== null) {
    return trans.__('%1 to %2', minimum, maximum);
  }
  if (minimum !== null) {
    return trans.__('at least %1', minimum);
  }
  return maximum === null ? '' : trans.__('at most %1', maximum);
}

/** As `phtlab.train.documents.manifest` has it. */
const DATASET_NAME = /^[a-z][a-z0-9_]{0,62}$/;

/**
 * The line that reads a data set, in the notebook's language; null for a name that is none.
 *
 * A name that a station chose becomes code here, so only what phtlab itself allows as one is taken.
 */
export function dataSetCode(name: string, language: string): string | null {
  if (!DATASET_NAME.test(name)) {
    return null;
  }
  return language.toLowerCase() === 'r'
    ? `${name} <- dataset("${name}")`
    : `${name} = phtlab.dataset("${name}")`;
}
