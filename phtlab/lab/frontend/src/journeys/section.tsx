/**
 * The journeys section of the Train panel: each journey as a row that expands to its route.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { StatusRow } from '../components/statusRow';
import { ICellError, IJourney } from '../server/api';
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
  onFinish: (journey: IJourney) => Promise<void>;
  onAgain: (journey: IJourney) => void;
  onResults: (journey: IJourney) => void;
  onResume: (journey: IJourney) => void;
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
  const { mark, tone, label } = journeyMark(journey, trans);
  const { done, total, fraction } = progress(journey);
  const body = `pht-journey-${journey.short}`;
  return (
    <li data-journey={journey.id} className={`pht-mod-${tone}`}>
      <StatusRow
        open={open}
        controls={body}
        title={trans.__(
          'Sent %1',
          new Date(journey.submitted).toLocaleString()
        )}
        mark={mark}
        name={journey.train_name}
        nameLimit={32}
        side={
          journey.done
            ? formatAge(endTime(journey), now, trans)
            : `${done}/${total}`
        }
        detail={journey.twin ? trans.__('dry run, %1', label) : label}
        detailSide={formatDuration(elapsedSeconds(journey, now), trans)}
        onToggle={() => model.setExpanded(journey.id, !open)}
      />
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
          cancel: () => latest.current.onCancel(latest.current.journey),
          finish: () => latest.current.onFinish(latest.current.journey),
          resume: () => latest.current.onResume(latest.current.journey)
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
