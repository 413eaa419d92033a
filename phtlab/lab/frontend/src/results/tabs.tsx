/**
 * Tabs, one an output: arrow keys go from one to the next, as WAI-ARIA's pattern has it.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Name } from '../text/name';
import { kindIcon, kindLabel } from './output';
import { IOutputGroup } from './outputs';

export function ResultsTabs(props: {
  trans: TranslationBundle;
  groups: readonly IOutputGroup[];
  children: (group: IOutputGroup) => React.ReactNode;
}): JSX.Element | null {
  const { trans, groups } = props;
  const [chosen, setChosen] = React.useState(0);
  const id = React.useId();
  const tabs = React.useRef<HTMLDivElement>(null);
  const current = Math.min(chosen, groups.length - 1);
  if (current < 0) {
    return null;
  }
  const go = (to: number) => {
    const index = (to + groups.length) % groups.length;
    setChosen(index);
    tabs.current
      ?.querySelectorAll<HTMLButtonElement>('[role=tab]')
      [index]?.focus();
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const to: { [key: string]: number } = {
      ArrowRight: current + 1,
      ArrowLeft: current - 1,
      Home: 0,
      End: groups.length - 1
    };
    if (event.key in to) {
      event.preventDefault();
      event.stopPropagation();
      go(to[event.key]);
    }
  };
  return (
    <>
      <div
        className="pht-Tabs"
        role="tablist"
        aria-label={trans.__('Outputs')}
        ref={tabs}
        onKeyDown={onKeyDown}
      >
        {groups.map((group, index) => (
          <button
            key={group.id}
            role="tab"
            id={`${id}-tab-${index}`}
            aria-selected={index === current}
            aria-controls={`${id}-panel`}
            tabIndex={index === current ? 0 : -1}
            onClick={() => setChosen(index)}
          >
            <span
              className="pht-Tabs-kind"
              title={kindLabel(group.kind, trans)}
              aria-label={kindLabel(group.kind, trans)}
              role="img"
            >
              {kindIcon(group.kind)}
            </span>{' '}
            <Name text={group.name} limit={28} />
            {group.notes.length > 0 && (
              <span
                className="pht-Tabs-note"
                role="img"
                title={trans.__('Something of it did not leave a station')}
                aria-label={trans.__('Something of it did not leave a station')}
              >
                {' ▲'}
              </span>
            )}
          </button>
        ))}
      </div>
      <div
        role="tabpanel"
        id={`${id}-panel`}
        aria-labelledby={`${id}-tab-${current}`}
      >
        {/* A tab of its own: sorting and opened numbers are not the next one's. */}
        <React.Fragment key={groups[current].id}>
          {props.children(groups[current])}
        </React.Fragment>
      </div>
    </>
  );
}
