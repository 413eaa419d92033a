/**
 * The stations of a sequential train in the order of its route, with buttons that move them.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { formatList } from '../text/list';
import { Name } from '../text/name';
import { truncateMiddle } from '../text/untrusted';
import { moved, positionText } from './routeOrder';

export function RouteOrderList(props: {
  stations: readonly string[];
  /** The values that each station receives from the one before it. */
  received: readonly string[];
  trans: TranslationBundle;
  onChange: (stations: string[]) => void;
}): JSX.Element {
  const { stations, trans } = props;
  const list = React.useRef<HTMLOListElement>(null);
  const [last, setLast] = React.useState<{
    station: string;
    steps: -1 | 1;
  } | null>(null);
  // Moving an element takes the focus away from the button in it.
  React.useLayoutEffect(() => {
    if (last !== null) {
      const row = Array.from(list.current?.children ?? []).find(
        item => (item as HTMLElement).dataset.station === last.station
      );
      const steps = last.steps < 0 ? 'up' : 'down';
      row?.querySelector<HTMLButtonElement>(`[data-move=${steps}]`)?.focus();
    }
  }, [last]);
  const move = (station: string, steps: -1 | 1) => {
    props.onChange(moved(stations, station, steps));
    setLast({ station, steps });
  };
  return (
    <>
      <p className="pht-Row-detail">
        {trans.__(
          'Each station receives %1 from the one before it.',
          formatList(props.received, trans)
        )}
      </p>
      <ol className="pht-Order" ref={list}>
        {stations.map((station, place) => (
          <li key={station} data-station={station}>
            <span className="pht-Order-number" aria-hidden="true">
              {place + 1}
            </span>
            <span className="pht-Order-name">
              <Name text={station} limit={40} />
              {place === stations.length - 1 && stations.length > 1 && (
                <span className="pht-Row-detail">
                  {trans.__('what it would hand on goes to the recipients')}
                </span>
              )}
            </span>
            <button
              type="button"
              className="pht-Order-move"
              data-move="up"
              aria-label={trans.__('Move %1 up', truncateMiddle(station, 60))}
              aria-disabled={place === 0}
              onClick={() => move(station, -1)}
            >
              ↑
            </button>
            <button
              type="button"
              className="pht-Order-move"
              data-move="down"
              aria-label={trans.__('Move %1 down', truncateMiddle(station, 60))}
              aria-disabled={place === stations.length - 1}
              onClick={() => move(station, 1)}
            >
              ↓
            </button>
          </li>
        ))}
      </ol>
      <div className="pht-Hidden" aria-live="polite">
        {last !== null && stations.includes(last.station)
          ? positionText(stations, last.station, trans)
          : ''}
      </div>
    </>
  );
}
