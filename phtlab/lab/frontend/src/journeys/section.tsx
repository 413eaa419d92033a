/**
 * The journeys section of the Train panel: each journey as a row that expands to its route.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { ICellError, IJourney } from '../server/api';
import { Name } from '../text/name';
import { formatAge, formatDuration } from '../text/time';
import { truncateMiddle } from '../text/untrusted';
import { ITrainPanel } from '../tokens';
import {
  elapsedSeconds,
  endTime,
  journeyMark,
  newestFirst,
  progress
} from './status';
import { JourneyView } from './view';

export interface IJourneysProps {
  journeys: readonly IJourney[];
  model: ITrainPanel;
  now: number;
  trans: TranslationBundle;
  onCell: (journey: IJourney, error: ICellError) => void;
  onCancel: (journey: IJourney) => Promise<void>;
  onAgain: (journey: IJourney) => void;
  onResults: (journey: IJourney) => void;
}

/** How many are shown before one asks for the rest. */
const FIRST = 12;

export function Journeys(props: IJourneysProps): JSX.Element {
  const { trans } = props;
  const [all, showAll] = React.useState(false);
  const journeys = newestFirst(props.journeys);
  const visible = all ? journeys : journeys.slice(0, FIRST);
  return (
    <>
      <ul className="pht-Journeys">
        {visible.map(journey => (
          <Journey key={journey.id} journey={journey} {...props} />
        ))}
      </ul>
      {visible.length < journeys.length && (
        <button className="pht-Link pht-More" onClick={() => showAll(true)}>
          {trans._n(
            '%1 older journey',
            '%1 older journeys',
            journeys.length - visible.length
          )}
        </button>
      )}
    </>
  );
}

function Journey(props: IJourneysProps & { journey: IJourney }): JSX.Element {
  const { journey, model, now, trans } = props;
  const open = model.isExpanded(journey.id);
  const Caret = open ? caretDownIcon : caretRightIcon;
  const { mark, tone, label } = journeyMark(journey, trans);
  const { done, total, fraction } = progress(journey);
  const body = `pht-journey-${journey.short}`;
  return (
    <li data-journey={journey.id} className={`pht-mod-${tone}`}>
      <button
        className="pht-Row"
        aria-expanded={open}
        aria-controls={body}
        title={trans.__(
          'Sent %1',
          new Date(journey.submitted).toLocaleString()
        )}
        onClick={() => model.setExpanded(journey.id, !open)}
      >
        <Caret.react tag="span" className="pht-Caret" />
        <span className="pht-Mark" aria-hidden="true">
          {mark}
        </span>
        <span className="pht-Row-lines">
          <span className="pht-Row-line">
            <span className="pht-Row-name">
              <Name text={journey.train_name} limit={32} />
            </span>
            <span className="pht-Row-side">
              {journey.done
                ? formatAge(endTime(journey), now, trans)
                : `${done}/${total}`}
            </span>
          </span>
          <span className="pht-Row-line pht-Row-detail">
            <span>{journey.twin ? trans.__('dry run, %1', label) : label}</span>
            <span className="pht-Row-side">
              {formatDuration(elapsedSeconds(journey, now), trans)}
            </span>
          </span>
        </span>
      </button>
      {!journey.done && (
        <div
          className="pht-Bar"
          role="progressbar"
          aria-label={trans.__(
            'Progress of %1',
            truncateMiddle(journey.train_name, 60)
          )}
          aria-valuemin={0}
          aria-valuemax={total}
          aria-valuenow={done}
          aria-valuetext={trans.__('%1 of %2 stops have ended', done, total)}
        >
          <div style={{ width: `${Math.round(fraction * 100)}%` }} />
        </div>
      )}
      <div id={body} className="pht-Journey-body" hidden={!open}>
        {open && <JourneyDetail {...props} />}
      </div>
    </li>
  );
}

/** The journey's view, in React. */
function JourneyDetail(
  props: IJourneysProps & { journey: IJourney }
): JSX.Element {
  const { journey, now, trans } = props;
  const place = React.useRef<HTMLDivElement>(null);
  const latest = React.useRef(props);
  latest.current = props;
  const view = React.useMemo(
    () =>
      new JourneyView({
        trans,
        isPart: true,
        cancelAsks: true,
        actions: {
          openCell: (_, error) =>
            latest.current.onCell(latest.current.journey, error),
          openResults: () => latest.current.onResults(latest.current.journey),
          sendAgain: () => latest.current.onAgain(latest.current.journey),
          cancel: () => latest.current.onCancel(latest.current.journey)
        }
      }),
    [trans]
  );
  React.useLayoutEffect(() => {
    place.current?.replaceChildren(view.node);
  }, [view]);
  React.useLayoutEffect(() => view.update(journey, now), [view, journey, now]);
  return <div ref={place} />;
}
