/**
 * What the rounds of a journey came to: the values that they ended with, and what was reported.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { RoundsPlot } from '../journeys/roundsPlot';
import { ICombinedValue, IRoundResults } from '../server/api';
import { Name } from '../text/name';
import { shortText } from './valueText';

export function ResultsRounds(props: {
  trans: TranslationBundle;
  rounds: IRoundResults;
}): JSX.Element {
  const { trans, rounds } = props;
  const place = React.useRef<HTMLDivElement>(null);
  const plot = React.useMemo(() => new RoundsPlot(trans), [trans]);
  React.useLayoutEffect(() => {
    plot.update({ lines: rounds.lines, number: rounds.count });
    place.current?.replaceChildren(plot.node);
  }, [plot, rounds]);
  return (
    <section
      className="pht-ResultsRounds pht-journey-map"
      aria-label={trans.__('Rounds')}
    >
      <h2>
        {trans._n(
          'Combined over %1 round',
          'Combined over %1 rounds',
          rounds.count
        )}
      </h2>
      {rounds.combined.length === 0 && (
        <p className="pht-Hint">
          {trans.__('There are no combined values that your key opens.')}
        </p>
      )}
      <div className="pht-ResultsRounds-values">
        {rounds.combined.map(combined => (
          <Combined key={combined.name} trans={trans} combined={combined} />
        ))}
      </div>
      <div ref={place} />
    </section>
  );
}

/** Numbers in a row per index; of an array of more dimensions, in a row per row. */
function Combined(props: {
  trans: TranslationBundle;
  combined: ICombinedValue;
}): JSX.Element {
  const { trans, combined } = props;
  const { name, shape, values } = combined;
  const width = shape.length > 1 ? Math.max(shape[shape.length - 1], 1) : 1;
  const rows: unknown[][] = [];
  for (let at = 0; at < values.length; at += width) {
    rows.push(values.slice(at, at + width));
  }
  return (
    <table className="pht-Table">
      <caption>
        <code>
          <Name text={name} limit={60} />
        </code>
        {shape.length > 0 && ` ${shape.join(' × ')}`}
        {values.length === 0 && ` · ${trans.__('too large to show here')}`}
      </caption>
      <tbody>
        {rows.map((row, number) => (
          <tr key={number}>
            {shape.length > 0 && <th scope="row">{number}</th>}
            {row.map((value, at) => (
              <td key={at}>{shortText(value)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
