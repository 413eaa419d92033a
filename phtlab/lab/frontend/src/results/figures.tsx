/**
 * Figures as small multiples: one size, a station each, larger at a click.
 */
import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Name } from '../text/name';
import { truncateMiddle } from '../text/untrusted';
import { ResultsChart, columnsOf } from './chart';
import { drawings } from './chartMarks';
import { combineTables } from './combinedTable';
import { IOutputGroup } from './outputs';
import { pngSource } from './png';
import { ResultsTable } from './table';

interface IPicture {
  station: string;
  /** Null: what came is no picture. */
  source: string | null;
}

export function ResultsFigures(props: {
  trans: TranslationBundle;
  group: IOutputGroup;
}): JSX.Element {
  const { trans, group } = props;
  const [numbers, setNumbers] = React.useState(false);
  const [oneScale, setOneScale] = React.useState(false);
  const pictures = React.useMemo(
    () =>
      group.parts.map(({ station, output }): IPicture => ({
        station,
        source: output.png ? pngSource(output.png) : null
      })),
    [group]
  );
  const table = React.useMemo(
    () => combineTables(group.parts, trans.__('station')),
    [group, trans]
  );
  const drawn = React.useMemo(() => drawings(group.parts), [group]);
  return (
    <>
      {drawn !== null && (
        <label className="pht-OneScale">
          <input
            type="checkbox"
            checked={oneScale}
            onChange={event => setOneScale(event.target.checked)}
          />
          {trans.__('Drawn anew from its numbers, on one scale')}
        </label>
      )}
      {drawn !== null && oneScale ? (
        <ResultsChart trans={trans} name={group.name} drawings={drawn} />
      ) : (
        <div
          className="pht-Multiples"
          data-columns={columnsOf(pictures.length)}
        >
          {pictures.map(picture => (
            <Multiple
              key={picture.station}
              trans={trans}
              name={group.name}
              picture={picture}
            />
          ))}
        </div>
      )}
      {table.rows.length > 0 && (
        <div className="pht-Numbers">
          <button
            className="pht-TextButton"
            aria-expanded={numbers}
            onClick={() => setNumbers(!numbers)}
          >
            {numbers
              ? trans.__('Hide the numbers')
              : trans.__('Show the numbers that it is drawn from')}
          </button>
          {numbers && (
            <ResultsTable
              trans={trans}
              table={table}
              label={trans.__(
                'Numbers of the figure %1',
                truncateMiddle(group.name, 60)
              )}
            />
          )}
        </div>
      )}
    </>
  );
}

function Multiple(props: {
  trans: TranslationBundle;
  name: string;
  picture: IPicture;
}): JSX.Element {
  const { trans, name, picture } = props;
  const { station, source } = picture;
  const label = trans.__(
    '%1 of %2',
    truncateMiddle(name, 60),
    truncateMiddle(station, 60)
  );
  return (
    <figure className="pht-Multiple">
      <figcaption>
        <Name text={station} limit={32} />
      </figcaption>
      {source === null ? (
        <p className="pht-Refused">
          <span aria-hidden="true">✗ </span>
          {trans.__(
            'What this station sent is not a picture, so it is not shown.'
          )}
        </p>
      ) : (
        <button
          className="pht-Multiple-picture"
          title={trans.__('Enlarge')}
          onClick={() => void enlarge(source, label, trans)}
        >
          <img src={source} alt={label} />
        </button>
      )}
    </figure>
  );
}

function enlarge(
  source: string,
  label: string,
  trans: TranslationBundle
): Promise<unknown> {
  const body = ReactWidget.create(
    <img className="pht-Enlarged-picture" src={source} alt={label} />
  );
  body.addClass('pht-Enlarged');
  return showDialog({
    title: label,
    body,
    buttons: [Dialog.okButton({ label: trans.__('Close') })]
  });
}
