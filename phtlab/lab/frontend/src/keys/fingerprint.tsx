/**
 * A key's fingerprint in groups, for comparison by telephone.
 */
import * as React from 'react';

const GROUP = 4;
/** What is longer is no fingerprint. */
const MOST_GROUPS = 16;

/** A fingerprint in the groups that people read to each other. */
export function fingerprintGroups(fingerprint: string): string[] {
  const plain = fingerprint.replace(/[^A-Za-z0-9]/g, '');
  const groups: string[] = [];
  const end = Math.min(plain.length, MOST_GROUPS * GROUP);
  for (let start = 0; start < end; start += GROUP) {
    groups.push(plain.slice(start, start + GROUP));
  }
  return groups;
}

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
