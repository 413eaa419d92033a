/**
 * What the Train panel shows: banners, the current notebook, and a section for each topic.
 */
import { PathExt } from '@jupyterlab/coreutils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import {
  DISPATCH,
  DRY_RUN,
  OPEN_RESULTS,
  OPEN_TUTORIAL,
  PROPOSE,
  RESUME,
  SEND_AGAIN,
  WITHDRAW
} from '../commands';
import { Journeys } from '../journeys/section';
import { Parameters, isOfParameter } from '../parameters/section';
import { Proposals } from '../proposals/section';
import { IKernel } from '../server/api';
import { IProposalServer, IServerState } from '../server/interfaces';
import { insertDataSet } from '../stations/dataSetInsertion';
import { Stations } from '../stations/section';
import { ITrainPanel } from '../tokens';
import { Welcome } from '../welcome/page';
import { PanelActions } from './actions';
import { bannersOf } from './bannerRules';
import { NotebookHeader } from './header';
import { Kernels } from './kernels';
import { Banners, Section } from './section';

export interface IContentProps {
  model: ITrainPanel;
  server: IServerState & IProposalServer;
  /** Whether the stream of events is open, or may still be opening. */
  connected: boolean;
  kernels: readonly IKernel[];
  now: number;
  actions: PanelActions;
  trans: TranslationBundle;
}

export function Content(props: IContentProps): JSX.Element {
  const { model, server, connected, kernels, actions, trans } = props;
  const isFirstVisit =
    model.notebook === null && server.journeys.length === 0 && connected;
  return (
    <>
      <Banners
        banners={bannersOf(server.status, connected, trans, server.refusal)}
        onRemedy={action => actions.remedy(action)}
      />
      <div className="pht-TrainPanel-scroll">
        {isFirstVisit ? (
          <Welcome
            trans={trans}
            onTutorial={() => actions.run(OPEN_TUTORIAL)}
          />
        ) : (
          <CurrentNotebook {...props} />
        )}
        <ParametersSection {...props} />
        <StationsSection {...props} />
        {!isFirstVisit && <JourneysSection {...props} />}
        <ProposalsSection {...props} />
        {kernels.length > 0 && (
          <Section
            name="kernels"
            title={trans.__('Kernel images')}
            note={String(kernels.length)}
            model={model}
          >
            <Kernels
              kernels={kernels}
              current={model.check?.kernel ?? null}
              trans={trans}
            />
          </Section>
        )}
      </div>
    </>
  );
}

function CurrentNotebook(props: IContentProps): JSX.Element {
  const { model, server, kernels, actions, trans } = props;
  const { notebook } = model;
  if (notebook === null) {
    return (
      <p className="pht-Empty pht-Head">
        {trans.__('Open a notebook to try it here and to send it.')}
      </p>
    );
  }
  return (
    <NotebookHeader
      key={notebook.context.path}
      name={PathExt.basename(notebook.context.path)}
      check={model.check}
      kernels={kernels}
      problem={isOfParameter(model.problem, model.check) ? null : model.problem}
      busy={model.busy}
      canDryRun={server.status === null || server.status.dry_runs}
      trans={trans}
      onFinding={finding => actions.goToFinding(finding)}
      onFix={finding => actions.fix(finding)}
      onDryRun={() => actions.run(DRY_RUN)}
      onDispatch={() => actions.run(DISPATCH)}
      onDismiss={() => {
        model.problem = null;
      }}
    />
  );
}

function ParametersSection(props: IContentProps): JSX.Element | null {
  const { model, trans } = props;
  const { check, notebook } = model;
  if (check === null || notebook === null) {
    return null;
  }
  const { path } = notebook.context;
  return (
    <Section name="parameters" title={trans.__('Parameters')} model={model}>
      <Parameters
        key={path}
        check={check}
        values={model.values(path)}
        problem={model.problem}
        trans={trans}
        onChange={(values, valid) => model.setValues(path, values, valid)}
      />
    </Section>
  );
}

function StationsSection(props: IContentProps): JSX.Element | null {
  const { model, server, now, trans } = props;
  const { stations, status } = server;
  if (stations.length === 0 && !status?.reads) {
    return null;
  }
  const online = stations.filter(station => station.online).length;
  const language = model.check?.language || 'python';
  return (
    <Section
      name="stations"
      title={trans.__('Stations')}
      note={
        stations.length > 0
          ? trans.__('%1 of %2 online', online, stations.length)
          : ''
      }
      model={model}
    >
      {stations.length === 0 ? (
        <p className="pht-Empty">
          {trans.__('This consortium has no station yet.')}
        </p>
      ) : (
        <Stations
          stations={stations}
          language={model.notebook && language}
          now={now}
          trans={trans}
          onInsert={name => {
            if (model.notebook) {
              insertDataSet(model.notebook, name, language);
            }
          }}
        />
      )}
    </Section>
  );
}

function JourneysSection(props: IContentProps): JSX.Element {
  const { model, server, now, actions, trans } = props;
  return (
    <Section
      name="journeys"
      title={trans.__('Journeys')}
      note={String(server.journeys.length || '')}
      model={model}
    >
      {server.journeys.length === 0 ? (
        <p className="pht-Empty">
          {trans.__(
            'Nothing has travelled yet. Try a dry run: it takes seconds.'
          )}
        </p>
      ) : (
        <Journeys
          journeys={server.journeys}
          model={model}
          now={now}
          trans={trans}
          onCell={(journey, error) => actions.goToError(journey, error)}
          onCancel={journey => actions.cancel(journey)}
          onFinish={journey => actions.finish(journey)}
          onAgain={({ id }) => actions.run(SEND_AGAIN, { journey: id })}
          onResults={({ id }) => actions.run(OPEN_RESULTS, { journey: id })}
          onResume={({ id }) => actions.run(RESUME, { journey: id })}
        />
      )}
    </Section>
  );
}

function ProposalsSection(props: IContentProps): JSX.Element | null {
  const { model, server, now, actions, trans } = props;
  if (model.notebook === null && server.proposals.length === 0) {
    return null;
  }
  return (
    <Section
      name="proposals"
      title={trans.__('Proposals')}
      note={String(server.proposals.length || '')}
      model={model}
    >
      <Proposals
        proposals={server.proposals}
        me={server.status?.key.name ?? null}
        canPropose={model.notebook !== null}
        busy={model.busy !== null}
        now={now}
        trans={trans}
        onPropose={() => actions.run(PROPOSE)}
        onOpen={id => server.proposal(id)}
        onComment={(id, text) => server.comment(id, text)}
        onWithdraw={id => actions.run(WITHDRAW, { proposal: id })}
      />
    </Section>
  );
}
