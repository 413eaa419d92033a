/**
 * What a station sent, in a few words.
 */
import { TranslationBundle } from '@jupyterlab/translation';

import { IStationResults } from '../server/api';

/** `2 outputs`; of a station of rounds, how many it computed; `departed` if it handed all on. */
export function stationTitle(
  station: IStationResults,
  trans: TranslationBundle
): string {
  if (station.rounds !== null) {
    return trans._n('computed %1 round', 'computed %1 rounds', station.rounds);
  }
  return station.outputs.length === 0 && station.handed_on.length > 0
    ? trans.__('departed')
    : trans._n('%1 output', '%1 outputs', station.outputs.length);
}
