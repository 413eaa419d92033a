/**
 * The journeys section of the Train panel: each journey as a row that expands to its route.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { ErrorLine } from '../components/errorLine';
import { StatusRow } from '../components/statusRow';
import { ICellError, IJourney, IStop } from '../server/api';
import { Name, SENTENCE_LIMIT } from '../text/name';
import { formatAge, formatDuration } from '../text/time';
import { truncateMiddle } from '../text/untrusted';
import { ITrainPanel } from '../tokens';
import {
  contradictingStations,
  contradictionWarning,
  elapsedSeconds,
  endTime,
  errorText,
  hasResults,
  inRouteOrder,
  isCancellable,
  journeyMark,
  newestFirst,
  parametersText,
  progress,
  resultsLabel,
  stopMark,
  stopSeconds,
  stopText
} from './status';

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

function JourneyDetail(
  props: IJourneysProps & { journey: IJourney }
): JSX.Element {
  const { journey, now, trans } = props;
  const [problem, setProblem] = React.useState<string | null>(null);
  const cancel = async () => {
    setProblem(null);
    try {
      await props.onCancel(journey);
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  const doubted = contradictingStations(journey);
  return (
    <>
      {doubted.length > 0 && (
        <ErrorLine>{contradictionWarning(doubted, trans)}</ErrorLine>
      )}
      <ol
        className="pht-Route"
        aria-label={trans.__(
          'Route of %1',
          truncateMiddle(journey.train_name, 60)
        )}
      >
        {inRouteOrder(journey.stops).map(stop => (
          <Stop
            key={stop.station}
            stop={stop}
            now={now}
            trans={trans}
            onCell={error => props.onCell(journey, error)}
          />
        ))}
      </ol>
      <p className="pht-Journey-facts">
        <span title={journey.id}>
          {trans.__('Journey')} <code>{journey.short}</code>
        </span>
        {!journey.mine && (
          <>
            {' · '}
            {trans.__('by')} <Name text={journey.researcher} limit={32} />
          </>
        )}
        {journey.parameters !== null && (
          <>
            {' · '}
            <Name
              text={parametersText(journey.parameters, trans)}
              limit={120}
            />
          </>
        )}
        {journey.removed !== null && (
          <>
            {' · '}
            {trans.__('its results were removed when their time was over')}
          </>
        )}
      </p>
      <div className="pht-Journey-buttons">
        {hasResults(journey) && (
          <button
            className={
              journey.stops.some(stop => stop.state === 'departed')
                ? 'pht-Button pht-mod-accept'
                : 'pht-Button'
            }
            onClick={() => props.onResults(journey)}
          >
            {resultsLabel(journey, trans)}
          </button>
        )}
        <button className="pht-Button" onClick={() => props.onAgain(journey)}>
          {trans.__('Send again…')}
        </button>
        {isCancellable(journey) && (
          <button className="pht-Button" onClick={() => void cancel()}>
            {trans.__('Cancel')}
          </button>
        )}
      </div>
      {problem && <ErrorLine>{problem}</ErrorLine>}
    </>
  );
}

function Stop(props: {
  stop: IStop;
  now: number;
  trans: TranslationBundle;
  onCell: (error: ICellError) => void;
}): JSX.Element {
  const { stop, now, trans } = props;
  const { mark, tone } = stop.contradicted
    ? { mark: '!', tone: 'bad' }
    : stopMark(stop.state, trans);
  const seconds = stopSeconds(stop, now);
  return (
    <li className={`pht-mod-${tone}`} data-station={stop.station}>
      <span className="pht-Route-mark" aria-hidden="true">
        {mark}
      </span>
      <div className="pht-Route-stop">
        <div className="pht-Route-line">
          <span className="pht-Row-name">
            <Name text={stop.station} limit={32} />
          </span>
          <span className="pht-Row-detail">
            {seconds !== null && formatDuration(seconds, trans)}
          </span>
        </div>
        <div className="pht-Row-detail">
          {stopText(stop, trans)}
          {stop.contradicted && ` · ${trans.__('two records')}`}
        </div>
        {stop.state === 'running' && stop.cells !== null && (
          <div className="pht-Cells" aria-hidden="true">
            <div
              style={{
                width: `${Math.min(100, (100 * (stop.cell ?? 0)) / Math.max(stop.cells, 1))}%`
              }}
            />
          </div>
        )}
        {stop.sentence && (
          <p className="pht-Route-sentence">
            <Name text={stop.sentence} limit={SENTENCE_LIMIT} />
          </p>
        )}
        {stop.error && (
          <StopError error={stop.error} trans={trans} onCell={props.onCell} />
        )}
      </div>
    </li>
  );
}

function StopError(props: {
  error: ICellError;
  trans: TranslationBundle;
  onCell: (error: ICellError) => void;
}): JSX.Element {
  const { error, trans } = props;
  return (
    <div className="pht-Route-error">
      <Name text={errorText(error, trans)} limit={80} />
      {error.message && (
        <p className="pht-Route-sentence">
          <Name text={error.message} limit={SENTENCE_LIMIT} />
        </p>
      )}
      {error.cell !== null && (
        <button className="pht-Link" onClick={() => props.onCell(error)}>
          {trans.__('Go to cell %1', error.cell)}
        </button>
      )}
    </div>
  );
}
