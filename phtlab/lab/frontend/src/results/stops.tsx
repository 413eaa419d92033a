/**
 * The outcome of each stop: results, failure, or no signed record.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { stopMark, stopText } from '../journeys/status';
import { ICellError, IJourney, IResults } from '../server/api';
import { formatList } from '../text/list';
import { Name, SENTENCE_LIMIT } from '../text/name';
import { isolateName, truncateMiddle } from '../text/untrusted';
import { stationTitle } from './stationTitle';

interface IStopsProps {
  trans: TranslationBundle;
  results: IResults;
  /** The journey as last heard; null if it is not known here. */
  journey: IJourney | null;
  onCell: (error: ICellError) => void;
}

export function ResultsStops(props: IStopsProps): JSX.Element {
  const { trans, results, onCell } = props;
  const numbers = new Map(
    results.journey.stops.map(stop => [stop.station, stop.number])
  );
  // As it is now: results so far are asked for again only when another stop has ended.
  const stateOf = (station: string) => {
    const stop = props.journey?.stops.find(
      candidate => candidate.station === station
    );
    return (
      stop && {
        mark: stopMark(stop.state, trans).mark,
        words: [stopText(stop, trans), stop.sentence].filter(Boolean).join('. ')
      }
    );
  };
  const sent = new Set(results.stations.map(({ station }) => station));
  // Those that sent something first, then what went otherwise; both as the route has them.
  const stops = [
    ...results.stations.map(station => ({
      station: station.station,
      element: (
        <StopCard
          key={station.station}
          mark="✓"
          tone="good"
          station={station.station}
          title={stationTitle(station, trans)}
        >
          {stationText(station, trans)}
        </StopCard>
      )
    })),
    ...results.failures.map(failure => ({
      station: failure.station,
      element: (
        <StopCard
          key={failure.station}
          mark={failure.outcome === 'cancelled' ? '–' : '✗'}
          tone={failure.outcome === 'cancelled' ? 'still' : 'bad'}
          station={failure.station}
          title={outcomeLabel(failure.outcome, trans)}
        >
          <Name text={failure.sentence} limit={SENTENCE_LIMIT} />
          {failure.error && (
            <CellErrorText
              trans={trans}
              error={failure.error}
              onCell={onCell}
            />
          )}
        </StopCard>
      )
    })),
    ...results.unsigned.map(({ station, words }) => ({
      station,
      element: (
        <StopCard
          key={station}
          mark="?"
          tone="still"
          station={station}
          title={trans.__('unsigned')}
        >
          <Name text={words} limit={SENTENCE_LIMIT} />
          <p className="pht-Hint">
            {trans.__("Central's word only: the station signed nothing.")}
          </p>
        </StopCard>
      )
    })),
    ...results.waiting.map(({ station, words }) => ({
      station,
      element: (
        <StopCard
          key={station}
          mark={stateOf(station)?.mark ?? '○'}
          tone="still"
          station={station}
          title={trans.__('not in it yet')}
        >
          <Name
            text={stateOf(station)?.words ?? words}
            limit={SENTENCE_LIMIT}
          />
        </StopCard>
      )
    }))
  ].sort(
    (a, b) =>
      Number(sent.has(b.station)) - Number(sent.has(a.station)) ||
      // Stops of a journey that this one continues come first, as they are.
      (numbers.get(a.station) ?? -1) - (numbers.get(b.station) ?? -1)
  );
  return (
    <ul className="pht-Stops" aria-label={trans.__('Stops')}>
      {stops.map(({ element }) => element)}
    </ul>
  );
}

function StopCard(props: {
  mark: string;
  tone: 'good' | 'bad' | 'still';
  station: string;
  title: string;
  children?: React.ReactNode;
}): JSX.Element {
  return (
    <li className={`pht-Stop pht-mod-${props.tone}`}>
      <span className="pht-Stop-mark" aria-hidden="true">
        {props.mark}
      </span>
      <div>
        <strong>
          <Name text={props.station} limit={28} />
        </strong>
        <span className="pht-Stop-title">{props.title}</span>
        {props.children && (
          <div className="pht-Stop-words">{props.children}</div>
        )}
      </div>
    </li>
  );
}

function CellErrorText(props: {
  trans: TranslationBundle;
  error: ICellError;
  onCell: (error: ICellError) => void;
}): JSX.Element {
  const { trans, error } = props;
  return (
    <p className="pht-CellError">
      <code>
        <Name text={error.type} />
      </code>
      {error.message && (
        <>
          {': '}
          <Name text={error.message} limit={SENTENCE_LIMIT} />
        </>
      )}{' '}
      {error.cell !== null && (
        <button className="pht-TextButton" onClick={() => props.onCell(error)}>
          {error.line !== null
            ? trans.__('cell %1, line %2', error.cell, error.line)
            : trans.__('cell %1', error.cell)}
        </button>
      )}
    </p>
  );
}

/** What stayed at a station, and what it handed on. */
function stationText(
  station: IResults['stations'][0],
  trans: TranslationBundle
): string | null {
  const handedOn = station.handed_on.map(({ output }) => output);
  const to = station.handed_on[0]?.station ?? null;
  const parts = [
    withheldText(station.verdicts, trans),
    handedOn.length === 0
      ? null
      : to === null
        ? trans.__('would hand on %1', formatList(handedOn, trans))
        : trans.__(
            '%1 handed on to %2',
            formatList(handedOn, trans),
            isolateName(to)
          )
  ].filter(part => part !== null);
  return parts.length ? parts.join(' · ') : null;
}

function withheldText(
  verdicts: IResults['stations'][0]['verdicts'],
  trans: TranslationBundle
): string | null {
  const held = verdicts.filter(({ verdict }) => verdict === 'held').length;
  const refused = verdicts.filter(
    ({ verdict }) => verdict === 'refused'
  ).length;
  const suppressed = verdicts.filter(
    ({ verdict }) => verdict === 'suppressed'
  ).length;
  const parts = [
    suppressed ? trans._n('%1 in part', '%1 in part', suppressed) : '',
    held ? trans._n('%1 held', '%1 held', held) : '',
    refused ? trans._n('%1 withheld', '%1 withheld', refused) : ''
  ].filter(Boolean);
  return parts.length ? parts.join(', ') : null;
}

function outcomeLabel(outcome: string, trans: TranslationBundle): string {
  switch (outcome) {
    case 'failed':
      return trans.__('failed');
    case 'refused':
      return trans.__('refused');
    case 'cancelled':
      return trans.__('cancelled');
    default:
      return truncateMiddle(outcome, 40);
  }
}
