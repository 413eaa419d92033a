/**
 * The results of one journey: verified, then shown by output, each station beside the other.
 */
import { ReactWidget } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { isResumable, remainingStations } from '../journeys/status';
import { ICellError, IJourney, IResults } from '../server/api';
import { IJourneyServer, IServerState } from '../server/interfaces';
import { useServerState } from '../server/subscription';
import { Name } from '../text/name';
import { isolateName } from '../text/untrusted';
import { useResults } from './loading';
import { ResultsOutput } from './output';
import { countVerified, groupOutputs } from './outputs';
import { ResultsRefusal } from './refusal';
import { ResultsRounds } from './rounds';
import { ResultsStops } from './stops';
import { ResultsTabs } from './tabs';
import { shortText } from './valueText';

export interface IResultsActions {
  unlock: () => Promise<boolean>;
  openKeys: () => void;
  /** A notebook with the aggregate cells of the one that was sent. */
  aggregate: (journey: IJourney) => Promise<void>;
  /** A notebook that shows everything, to go on from. */
  explore: (journey: IJourney) => Promise<void>;
  exportTo: (journey: IJourney) => Promise<void>;
  openCell: (journey: IJourney, error: ICellError) => void;
  /** Continue a sequential journey that ended early. */
  resume: (journey: IJourney) => void;
}

interface IResultsProps {
  trans: TranslationBundle;
  server: IServerState & IJourneyServer;
  journey: string;
  /** Whether a locked key is asked for at once. */
  ask: boolean;
  actions: IResultsActions;
}

export class ResultsPanel extends ReactWidget {
  constructor(private readonly _props: IResultsProps) {
    super();
    this.addClass('pht-Results');
    this.node.tabIndex = -1;
  }

  protected render(): JSX.Element {
    return <Page {...this._props} />;
  }
}

function Page(props: IResultsProps): JSX.Element {
  const { trans, server, actions } = props;
  useServerState(server);
  const { load, journey, again, unlock } = useResults(
    server,
    props.journey,
    props.ask,
    actions.unlock
  );
  const known = load.state === 'shown' ? load.results.journey : journey;
  return (
    <div className="pht-Page">
      <header className="pht-ResultsHead">
        <h1>
          {load.state === 'shown' && load.results.waiting.length > 0
            ? trans.__('Results so far')
            : trans.__('Results')}
          {known && (
            <>
              {' · '}
              <Name text={known.train_name} />
            </>
          )}
        </h1>
        {load.state === 'shown' && (
          <Actions
            trans={trans}
            actions={actions}
            journey={load.results.journey}
          />
        )}
      </header>
      {known && <Facts trans={trans} journey={known} load={load} />}
      {load.state === 'loading' && (
        <div role="status" className="pht-Waiting">
          <div className="pht-Working" aria-hidden="true" />
          {trans.__(
            'Fetching what the stations sealed, verifying every record, opening it…'
          )}
        </div>
      )}
      {load.state === 'refused' && (
        <ResultsRefusal
          trans={trans}
          problem={load.problem}
          journey={journey}
          onAgain={again}
          onUnlock={unlock}
          onKeys={actions.openKeys}
        />
      )}
      {load.state === 'shown' && (
        <OpenedResults
          trans={trans}
          results={load.results}
          journey={journey}
          onCell={error => actions.openCell(load.results.journey, error)}
          onResume={actions.resume}
        />
      )}
    </div>
  );
}

function Facts(props: {
  trans: TranslationBundle;
  journey: IJourney;
  load: ReturnType<typeof useResults>['load'];
}): JSX.Element {
  const { trans, journey, load } = props;
  const parameters = Object.entries(journey.parameters ?? {});
  return (
    <>
      <ul className="pht-Chips" aria-label={trans.__('About this journey')}>
        {load.state === 'shown' && (
          <Verified trans={trans} results={load.results} />
        )}
        {journey.twin && (
          <li>
            <span aria-hidden="true">◇</span>
            {trans.__('dry run: synthetic data, not real patients')}
          </li>
        )}
        {parameters.map(([name, value]) => (
          <li key={name} title={trans.__('Parameter')}>
            <code>
              <Name text={`${name} = ${shortText(value)}`} limit={60} />
            </code>
          </li>
        ))}
      </ul>
      <p className="pht-Hint pht-ResultsWhen">
        {trans.__('Sent %1', new Date(journey.submitted).toLocaleString())}
        {!journey.mine && (
          <>
            {' '}
            {trans.__('by')} <Name text={journey.researcher} />
          </>
        )}
        {' · '}
        {trans.__('journey')} <code title={journey.id}>{journey.short}</code>
      </p>
    </>
  );
}

function Verified(props: {
  trans: TranslationBundle;
  results: IResults;
}): JSX.Element {
  const { trans } = props;
  const count = countVerified(props.results);
  const all = count.verified === count.total;
  return (
    <li
      className={all ? 'pht-mod-good' : 'pht-mod-waits'}
      title={trans.__(
        "Each stop's record is signed by its station, and was checked against the consortium's roster"
      )}
    >
      <span aria-hidden="true">{all ? '✓' : '!'}</span>
      {trans.__(
        '%1 of %2 verified',
        count.verified,
        trans._n('%1 stop record', '%1 stop records', count.total)
      )}
    </li>
  );
}

function Actions(props: {
  trans: TranslationBundle;
  actions: IResultsActions;
  journey: IJourney;
}): JSX.Element {
  const { trans, actions, journey } = props;
  const [busy, setBusy] = React.useState(false);
  const run = (act: (journey: IJourney) => Promise<void>) => () => {
    setBusy(true);
    void act(journey).finally(() => setBusy(false));
  };
  return (
    <div className="pht-Actions">
      <button
        className="jp-mod-styled jp-mod-accept"
        disabled={busy}
        title={trans.__(
          'Fill the aggregate cells of the notebook that was sent with these results'
        )}
        onClick={run(actions.aggregate)}
      >
        {trans.__('Aggregate here')}
      </button>
      <button
        className="jp-mod-styled"
        disabled={busy}
        title={trans.__('A new notebook that shows all of it, to go on from')}
        onClick={run(actions.explore)}
      >
        {trans.__('Open in a notebook')}
      </button>
      <button
        className="jp-mod-styled"
        disabled={busy}
        title={trans.__('Write all of it into a folder: CSV, Parquet, PNG')}
        onClick={run(actions.exportTo)}
      >
        {trans.__('Export…')}
      </button>
    </div>
  );
}

function OpenedResults(props: {
  trans: TranslationBundle;
  results: IResults;
  journey: IJourney | null;
  onCell: (error: ICellError) => void;
  onResume: (journey: IJourney) => void;
}): JSX.Element {
  const { trans, results } = props;
  const journey = props.journey ?? results.journey;
  const groups = React.useMemo(() => groupOutputs(results), [results]);
  const { waiting, stations, failures, unsigned } = results;
  const ended = stations.length + failures.length + unsigned.length;
  return (
    <>
      {waiting.length > 0 && (
        <p className="pht-Missing" role="status">
          <span className="pht-Missing-mark" aria-hidden="true">
            !
          </span>
          {trans.__(
            'These are the results so far: %1 of %2 stops have ended. What comes later is added here by itself.',
            ended,
            ended + waiting.length
          )}
        </p>
      )}
      {isResumable(journey) && (
        <p className="pht-Missing" role="status">
          <span className="pht-Missing-mark" aria-hidden="true">
            !
          </span>
          {trans.__(
            'The journey ended before its last station. It can continue at %1.',
            isolateName(remainingStations(journey)[0] ?? '')
          )}{' '}
          <button
            className="pht-TextButton"
            onClick={() => props.onResume(journey)}
          >
            {trans.__('Resume…')}
          </button>
        </p>
      )}
      <ResultsStops
        trans={trans}
        results={results}
        journey={props.journey}
        onCell={props.onCell}
      />
      {results.rounds && (
        <ResultsRounds trans={trans} rounds={results.rounds} />
      )}
      {groups.length === 0 && results.rounds ? null : groups.length === 0 ? (
        <p className="pht-Waiting">
          {trans.__('No station sent anything: see above why.')}
        </p>
      ) : (
        <ResultsTabs trans={trans} groups={groups}>
          {group => (
            <ResultsOutput
              trans={trans}
              group={group}
              stations={stations.length + waiting.length}
            />
          )}
        </ResultsTabs>
      )}
    </>
  );
}
