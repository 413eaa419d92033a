/**
 * The stations section of the Train panel: which are online, with which data sets.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { IColumn, IDataSet, IStation } from '../server/api';
import { Name } from '../text/name';
import { truncateMiddle } from '../text/untrusted';
import {
  columnText,
  dataSetCode,
  loadText,
  presenceClass,
  presenceText,
  rowCountText,
  sortByName
} from './description';

/** How much is shown of a text that is no name. */
const LONG = 400;

export interface IStationsProps {
  stations: readonly IStation[];
  /** The language of the current notebook; null if none is open. */
  language: string | null;
  now: number;
  trans: TranslationBundle;
  onInsert: (dataset: string) => void;
}

export function Stations(props: IStationsProps): JSX.Element {
  return (
    <ul className="pht-Stations">
      {sortByName(props.stations).map(station => (
        <Station key={station.name} station={station} {...props} />
      ))}
    </ul>
  );
}

function Station(props: IStationsProps & { station: IStation }): JSX.Element {
  const { station, now, trans } = props;
  const [open, setOpen] = React.useState(false);
  const id = React.useId();
  const Caret = open ? caretDownIcon : caretRightIcon;
  const busy = loadText(station, trans);
  return (
    <li className={presenceClass(station)}>
      <button
        className="pht-Row"
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
      >
        <Caret.react tag="span" className="pht-Caret" />
        <span className="pht-Station-mark" aria-hidden="true">
          {station.online ? '●' : '○'}
        </span>
        <span className="pht-Row-lines">
          <span className="pht-Row-line">
            <span className="pht-Row-name">
              <Name text={station.name} limit={32} />
            </span>
            {station.twin && (
              <span
                className="pht-Tag"
                title={trans.__('Synthetic data only: dry runs go here')}
              >
                {trans.__('twin')}
              </span>
            )}
            <span className="pht-Row-side">
              <DataSetNames datasets={station.datasets} trans={trans} />
            </span>
          </span>
          <span className="pht-Row-line pht-Row-detail">
            <span>
              {[presenceText(station, now, trans), busy]
                .filter(Boolean)
                .join(' · ')}
            </span>
            <span className="pht-Row-side">
              {station.datasets.length === 1 &&
                rowCountText(station.datasets[0], trans)}
            </span>
          </span>
        </span>
      </button>
      <div id={id} className="pht-Station-body" hidden={!open}>
        {open && <StationDetail {...props} />}
      </div>
    </li>
  );
}

/** `heart`, or how many data sets there are. */
function DataSetNames(props: {
  datasets: IDataSet[];
  trans: TranslationBundle;
}): JSX.Element {
  const { datasets, trans } = props;
  if (datasets.length !== 1) {
    return (
      <span>
        {datasets.length === 0
          ? trans.__('no data')
          : trans._n('%1 data set', '%1 data sets', datasets.length)}
      </span>
    );
  }
  return <Name text={datasets[0].name} limit={16} />;
}

function StationDetail(
  props: IStationsProps & { station: IStation }
): JSX.Element {
  const { station, trans } = props;
  return (
    <>
      {station.organisation && (
        <p className="pht-Station-organisation">
          <Name text={station.organisation} limit={64} />
        </p>
      )}
      {station.paused && (
        <p className="pht-Station-paused">
          {trans.__('Nothing new begins here:')}{' '}
          <Name text={station.paused} limit={LONG} />
        </p>
      )}
      {station.datasets.length === 0 && (
        <p>{trans.__('This station publishes no data set.')}</p>
      )}
      {station.datasets.map(dataset => (
        <DataSet key={dataset.name} dataset={dataset} {...props} />
      ))}
    </>
  );
}

function DataSet(props: IStationsProps & { dataset: IDataSet }): JSX.Element {
  const { dataset, language, trans } = props;
  const code = language === null ? null : dataSetCode(dataset.name, language);
  const caption = [
    rowCountText(dataset, trans),
    trans._n('%1 column', '%1 columns', dataset.columns.length),
    dataset.has_twin ? trans.__('has a twin') : trans.__('no twin')
  ]
    .filter(Boolean)
    .join(' · ');
  return (
    <div className="pht-DataSet">
      <h3 className="pht-DataSet-name">
        <Name text={dataset.title || dataset.name} limit={64} />
      </h3>
      {dataset.description && (
        <p className="pht-DataSet-description">
          <Name text={dataset.description} limit={LONG} />
        </p>
      )}
      <p className="pht-Row-detail">{caption}</p>
      {code && (
        <button
          className="pht-Insert"
          title={trans.__('Insert into the notebook')}
          onClick={() => props.onInsert(dataset.name)}
        >
          <span aria-hidden="true">+ </span>
          <span className="pht-Hidden">{trans.__('Insert')} </span>
          <code>{code}</code>
        </button>
      )}
      <ul
        className="pht-Schema"
        aria-label={trans.__('Columns of %1', truncateMiddle(dataset.name, 60))}
      >
        {dataset.columns.map(column => (
          <Column key={column.name} column={column} trans={trans} />
        ))}
      </ul>
    </div>
  );
}

function Column(props: {
  column: IColumn;
  trans: TranslationBundle;
}): JSX.Element {
  const { column, trans } = props;
  const may = columnText(column, trans);
  return (
    <li title={truncateMiddle(column.description, LONG) || undefined}>
      <code>
        <Name text={column.name} limit={28} />
      </code>
      <span className="pht-Schema-type">
        <Name text={column.type} limit={24} />
      </span>
      {may && (
        <span className="pht-Schema-range">
          <Name text={may} limit={LONG} />
        </span>
      )}
    </li>
  );
}
