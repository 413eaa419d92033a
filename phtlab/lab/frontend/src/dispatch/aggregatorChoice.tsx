/**
 * Who combines the rounds: the kernel of whoever waits for the journey, or an aggregator.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { IMember } from '../server/api';
import { truncateMiddle } from '../text/untrusted';

export function AggregatorChoice(props: {
  aggregators: readonly IMember[];
  /** The name of the aggregator; null if this notebook's kernel combines. */
  chosen: string | null;
  trans: TranslationBundle;
  onChange: (aggregator: string | null) => void;
}): JSX.Element {
  const { aggregators, chosen, trans } = props;
  return (
    <>
      <select
        className="jp-mod-styled pht-ProposalChoice pht-AggregatorChoice"
        aria-label={trans.__('Combined by')}
        value={chosen ?? ''}
        onChange={event => props.onChange(event.target.value || null)}
      >
        <option value="">{trans.__("This notebook's kernel")}</option>
        {aggregators.map(({ name }) => (
          <option key={name} value={name}>
            {trans.__('Aggregator %1', truncateMiddle(name, 40))}
          </option>
        ))}
      </select>
      <p className="pht-Row-detail">
        {chosen === null
          ? trans.__(
              'The rounds go on while a kernel waits for the journey with journey.wait().'
            )
          : trans.__(
              'The rounds go on while no notebook is open. It reads what each station sends.'
            )}
      </p>
    </>
  );
}
