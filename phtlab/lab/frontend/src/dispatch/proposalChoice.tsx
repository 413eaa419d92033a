/**
 * The proposal that a dispatch is made under, and where it has not been approved yet.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { nonApprovingStations } from '../proposals/status';
import { IProposal } from '../server/api';
import { formatList } from '../text/list';
import { truncateMiddle } from '../text/untrusted';

export function ProposalChoice(props: {
  proposals: readonly IProposal[];
  chosen: IProposal | null;
  stations: readonly string[];
  trans: TranslationBundle;
  onChange: (proposal: string | null) => void;
}): JSX.Element {
  const { proposals, chosen, stations, trans } = props;
  const waits = chosen ? nonApprovingStations(chosen, stations) : [];
  return (
    <>
      <select
        className="jp-mod-styled pht-ProposalChoice"
        aria-label={trans.__('Proposal')}
        value={chosen?.digest ?? ''}
        onChange={event => props.onChange(event.target.value || null)}
      >
        <option value="">{trans.__('No proposal')}</option>
        {proposals.map(proposal => (
          <option key={proposal.digest} value={proposal.digest}>
            {trans.__(
              '%1, version %2',
              truncateMiddle(proposal.title, 60),
              proposal.version
            )}
          </option>
        ))}
      </select>
      {waits.length > 0 && (
        <p className="pht-Row-detail">
          {trans._n(
            '%2 has not approved this train: it waits there for a person.',
            '%2 have not approved this train: it waits there for a person.',
            waits.length,
            formatList(waits, trans)
          )}
        </p>
      )}
    </>
  );
}
