/**
 * A station in the dispatch dialog: a checkbox, and whether the station can run the train.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { IStation } from '../server/api';
import {
  loadText,
  missingDataSets,
  presenceClass,
  presenceText,
  rowCountText
} from '../stations/description';
import { formatList } from '../text/list';
import { Name } from '../text/name';

export function StationChoice(props: {
  station: IStation;
  needed: readonly string[];
  chosen: boolean;
  trans: TranslationBundle;
  onChange: (yes: boolean) => void;
}): JSX.Element {
  const { station, needed, chosen, trans } = props;
  const lacks = missingDataSets(station, needed);
  const has = station.datasets
    .filter(dataset => needed.length === 0 || needed.includes(dataset.name))
    .map(dataset =>
      [dataset.name, rowCountText(dataset, trans)].filter(Boolean).join(', ')
    );
  const busy = loadText(station, trans);
  return (
    <label className={presenceClass(station)}>
      <input
        type="checkbox"
        checked={chosen}
        onChange={event => props.onChange(event.target.checked)}
      />
      <span className="pht-Station-mark" aria-hidden="true">
        {station.online ? '●' : '○'}
      </span>
      <span className="pht-Choice-name">
        <Name text={station.name} limit={40} />
        <span className="pht-Row-detail">
          {[presenceText(station, Date.now(), trans), busy]
            .filter(Boolean)
            .join(' · ')}
        </span>
      </span>
      <span className="pht-Choice-side">
        {lacks.length > 0 ? (
          <span className="pht-Warning">
            <span aria-hidden="true">! </span>
            {trans.__('no data set %1', formatList(lacks, trans))}
          </span>
        ) : (
          <Name text={has.join(' · ')} limit={60} />
        )}
        {lacks.length === 0 && !station.online && (
          <span className="pht-Row-detail">
            {trans.__('runs when it is back')}
          </span>
        )}
        {lacks.length === 0 && station.online && station.paused && (
          <span className="pht-Row-detail">
            {trans.__('waits until the pause is over')}
          </span>
        )}
        {lacks.length > 0 && chosen && (
          <span className="pht-Row-detail">
            {trans.__('the run there will fail')}
          </span>
        )}
      </span>
    </label>
  );
}
