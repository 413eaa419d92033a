/**
 * A fingerprint as two people compare it by telephone.
 */
import * as React from 'react';

import { fingerprintGroups } from './passphrase';

export function Fingerprint(props: {
  value: string;
  label: string;
  big?: boolean;
}): JSX.Element {
  return (
    <div
      className={'pht-Fingerprint' + (props.big ? ' pht-mod-big' : '')}
      role="group"
      aria-label={props.label}
    >
      {fingerprintGroups(props.value).map((group, number) => (
        <span className="pht-Fingerprint-group" key={number}>
          {props.big && (
            <span className="pht-Fingerprint-number" aria-hidden="true">
              {number + 1}
            </span>
          )}
          <code>{group}</code>
        </span>
      ))}
    </div>
  );
}
