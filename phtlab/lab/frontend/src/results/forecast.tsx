/**
 * Below an output of a dry run: what the stations would let leave of it, by the rules they publish.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { IVerdict } from '../server/api';
import { formatList } from '../text/list';
import { Name, SENTENCE_LIMIT } from '../text/name';
import { IForecastVerdict } from './outputs';

export function ResultsForecast(props: {
  trans: TranslationBundle;
  foreseen: readonly IForecastVerdict[];
}): JSX.Element {
  const { trans, foreseen } = props;
  return (
    <section className="pht-Forecast">
      <h3>{trans.__('At the stations')}</h3>
      <p className="pht-Hint">
        {trans.__(
          'Foreseen from the made-up rows, by the rules that the stations publish. Real counts ' +
            'differ, and what left there before is not foreseen.'
        )}
      </p>
      <ul>
        {foreseen.map(({ stations, verdict }, number) => (
          <li key={number} data-verdict={verdict.verdict}>
            <span className="pht-Airlock-mark" aria-hidden="true">
              {sign(verdict.verdict)}
            </span>
            <span>
              <strong>{formatList(stations, trans)}</strong>
              {': '}
              <Name
                text={forecastText(verdict, trans)}
                limit={SENTENCE_LIMIT}
              />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** `4 rows would stay there (small-count)`: what would become of an output. */
export function forecastText(
  verdict: IVerdict,
  trans: TranslationBundle
): string {
  const { rule, sentence, suppressed_rows: rows } = verdict;
  switch (verdict.verdict) {
    case 'released':
      return trans.__('leaves whole');
    case 'suppressed':
      return trans._n(
        '%1 row would stay there (%2)',
        '%1 rows would stay there (%2)',
        rows,
        rule
      );
    case 'held':
      return trans.__('would be held for a person (%1). %2', rule, sentence);
    default:
      return trans.__('would not leave (%1). %2', rule, sentence);
  }
}

function sign(verdict: string): string {
  switch (verdict) {
    case 'released':
      return '✓';
    case 'suppressed':
      return '▲';
    case 'held':
      return '‖';
    default:
      return '✗';
  }
}
