/**
 * The members, beside the sender, who can open the results.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { IMember } from '../server/api';
import { Name } from '../text/name';

/** From how many on one searches among them. */
const MANY = 8;

export function RecipientChoice(props: {
  members: IMember[];
  chosen: readonly string[];
  trans: TranslationBundle;
  onChange: (name: string, yes: boolean) => void;
}): JSX.Element {
  const { members, chosen, trans } = props;
  const [search, setSearch] = React.useState('');
  const query = search.trim().toLowerCase();
  const visible = members.filter(
    member =>
      chosen.includes(member.name) ||
      `${member.name} ${member.organisation}`.toLowerCase().includes(query)
  );
  return (
    <>
      {members.length > MANY && (
        <input
          className="jp-mod-styled pht-Choice-search"
          type="search"
          placeholder={trans.__('Search members')}
          aria-label={trans.__('Search members')}
          value={search}
          onChange={event => setSearch(event.target.value)}
        />
      )}
      <div className="pht-Choice-list">
        {visible.map(member => (
          <label key={member.name}>
            <input
              type="checkbox"
              checked={chosen.includes(member.name)}
              onChange={event =>
                props.onChange(member.name, event.target.checked)
              }
            />
            <span className="pht-Choice-name">
              <Name text={member.name} limit={40} />
              {member.organisation && (
                <span className="pht-Row-detail">
                  <Name text={member.organisation} limit={60} />
                </span>
              )}
            </span>
          </label>
        ))}
      </div>
    </>
  );
}
