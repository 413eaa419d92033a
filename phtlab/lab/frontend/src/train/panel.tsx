/**
 * The Train panel in the left side bar: the current notebook, its parameters, the stations, the
 * journeys and the kernel images.
 */
import {
  ILabShell,
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Dialog, ICommandPalette, showDialog } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IStateDB } from '@jupyterlab/statedb';
import {
  ITranslator,
  TranslationBundle,
  nullTranslator
} from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import { Message } from '@lumino/messaging';
import * as React from 'react';

import {
  DISPATCH,
  DRY_RUN,
  FIX_PROBLEM,
  OPEN_CELL,
  OPEN_KEYS,
  OPEN_RESULTS,
  OPEN_TRAIN,
  OPEN_TUTORIAL,
  PROPOSE,
  SEND_AGAIN,
  UNLOCK,
  WITHDRAW
} from '../commands';
import { isUndisturbedUntil, isWritingOutside } from '../components/focus';
import { trainIcon } from '../components/trainIcon';
import { Journeys } from '../journeys/section';
import { isTravelling } from '../journeys/status';
import { Parameters, isOfParameter } from '../parameters/section';
import { Proposals } from '../proposals/section';
import { ICellError, IFinding, IJourney, IKernel } from '../server/api';
import {
  IJourneyServer,
  INotebookServer,
  IProposalServer,
  IServerState
} from '../server/interfaces';
import { insertDataSet } from '../stations/dataSetInsertion';
import { Stations } from '../stations/section';
import { INotebookChecks, IPhtServer, ITrainPanel } from '../tokens';
import { Welcome } from '../welcome/page';
import { Remedy, standing } from './bannerRules';
import { NotebookHead } from './header';
import { Kernels } from './kernels';
import { TrainPanelModel } from './model';
import { Banners, Section } from './section';

const PANEL = 'phtlab-train-panel';
/** How long a first connection may take before the panel calls it lost. */
const PATIENCE = 3000; // ms
/** Elapsed times tick each second while something travels, `5 min ago` each half minute. */
const TICK = 1000; // ms
const SLOW_TICK = 30_000; // ms

class TrainPanel extends ReactWidget {
  constructor(
    private readonly _model: TrainPanelModel,
    private readonly _server: IServerState &
      INotebookServer &
      IJourneyServer &
      IProposalServer,
    private readonly _commands: CommandRegistry,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.id = PANEL;
    this.addClass('pht-TrainPanel');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', _trans.__('Train'));
    this.title.icon = trainIcon;
    this.title.caption = _trans.__('Train');
    _model.changed.connect(this.update, this);
    _server.changed.connect(this._heard, this);
    _model.shown.connect(this._awaitFocus, this);
    document.addEventListener('visibilitychange', this._tickOrNot);
    window.setTimeout(() => {
      this._patient = false;
      this.update();
    }, PATIENCE);
  }

  dispose(): void {
    window.clearInterval(this._ticking);
    document.removeEventListener('visibilitychange', this._tickOrNot);
    super.dispose();
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._heard();
  }
  protected onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this._tickOrNot();
  }
  protected onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    const shown = this._toShow;
    this._toShow = undefined;
    // What the person did not ask for at this moment does not interrupt their writing.
    const isWelcome = shown === undefined || !isWritingOutside(this.node);
    const drawn = this.renderPromise ?? Promise.resolve();
    void isUndisturbedUntil(drawn).then(isUndisturbed => {
      const target = shown ? this._row(shown) : null;
      target?.scrollIntoView({ block: 'nearest' });
      if (isWelcome && isUndisturbed) {
        const button = (target ?? this.node).querySelector<HTMLElement>(
          'button, input, select'
        );
        button?.focus({ preventScroll: true });
      }
    });
  }

  protected render(): JSX.Element {
    const { _model: model, _server: server, _trans: trans } = this;
    const notebook = model.notebook;
    const now = Date.now();
    const connected = server.connected || (this._patient && !this._everOpen);
    const first =
      notebook === null && server.journeys.length === 0 && connected;
    return (
      <>
        <Banners
          banners={standing(server.status, connected, trans, server.refusal)}
          onRemedy={action => this._remedy(action)}
        />
        <div className="pht-TrainPanel-scroll">
          {first && (
            <Welcome
              trans={trans}
              onTutorial={() => this._run(OPEN_TUTORIAL)}
            />
          )}
          {!first && this._head()}
          {model.check && notebook && (
            <Section
              name="parameters"
              title={trans.__('Parameters')}
              model={model}
            >
              <Parameters
                key={notebook.context.path}
                check={model.check}
                values={model.values(notebook.context.path)}
                problem={model.problem}
                trans={trans}
                onChange={(values, valid) =>
                  model.setValues(notebook.context.path, values, valid)
                }
              />
            </Section>
          )}
          {this._stations(now)}
          {!first && (
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
                  onCell={(journey, error) => this._goToError(journey, error)}
                  onCancel={journey => this._cancel(journey)}
                  onAgain={({ id }) => this._run(SEND_AGAIN, { journey: id })}
                  onResults={({ id }) =>
                    this._run(OPEN_RESULTS, { journey: id })
                  }
                />
              )}
            </Section>
          )}
          {(notebook || server.proposals.length > 0) && (
            <Section
              name="proposals"
              title={trans.__('Proposals')}
              note={String(server.proposals.length || '')}
              model={model}
            >
              <Proposals
                proposals={server.proposals}
                me={server.status?.key.name ?? null}
                canPropose={notebook !== null}
                busy={model.busy !== null}
                now={now}
                trans={trans}
                onPropose={() => this._run(PROPOSE)}
                onOpen={id => server.proposal(id)}
                onComment={(id, text) => server.comment(id, text)}
                onWithdraw={id => this._run(WITHDRAW, { proposal: id })}
              />
            </Section>
          )}
          {this._kernels.length > 0 && (
            <Section
              name="kernels"
              title={trans.__('Kernel images')}
              note={String(this._kernels.length)}
              model={model}
            >
              <Kernels
                kernels={this._kernels}
                current={model.check?.kernel ?? null}
                trans={trans}
              />
            </Section>
          )}
        </div>
      </>
    );
  }

  private _head(): JSX.Element {
    const { _model: model, _server: server, _trans: trans } = this;
    const notebook = model.notebook;
    if (notebook === null) {
      return (
        <p className="pht-Empty pht-Head">
          {trans.__('Open a notebook to try it here and to send it.')}
        </p>
      );
    }
    return (
      <NotebookHead
        key={notebook.context.path}
        name={PathExt.basename(notebook.context.path)}
        check={model.check}
        kernels={this._kernels}
        problem={
          isOfParameter(model.problem, model.check) ? null : model.problem
        }
        busy={model.busy}
        canDryRun={server.status === null || server.status.dry_runs}
        trans={trans}
        onFinding={finding => this._goToFinding(finding)}
        onFix={finding => this._fix(finding)}
        onDryRun={() => this._run(DRY_RUN)}
        onDispatch={() => this._run(DISPATCH)}
        onDismiss={() => {
          model.problem = null;
        }}
      />
    );
  }

  private _stations(now: number): JSX.Element | null {
    const { _model: model, _server: server, _trans: trans } = this;
    const { stations, status } = server;
    if (stations.length === 0 && !status?.reads) {
      return null;
    }
    const online = stations.filter(station => station.online).length;
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
            language={model.notebook && (model.check?.language || 'python')}
            now={now}
            trans={trans}
            onInsert={name => {
              if (model.notebook) {
                insertDataSet(
                  model.notebook,
                  name,
                  model.check?.language || 'python'
                );
              }
            }}
          />
        )}
      </Section>
    );
  }

  private _heard(): void {
    if (this._server.connected) {
      this._everOpen = true;
    }
    void this._askKernels();
    this._tickOrNot();
    this.update();
  }

  /** Once the images can be read; again only for another consortium or after a pause. */
  private async _askKernels(): Promise<void> {
    const { status, connected } = this._server;
    const from =
      connected && status?.reads && status.central.state === 'ok'
        ? status.central.url
        : null;
    if (from === this._kernelsFrom) {
      return;
    }
    this._kernelsFrom = from;
    if (from === null) {
      return;
    }
    try {
      this._kernels = await this._server.kernels();
    } catch {
      // The banners say what is wrong; the section stays as it was.
    }
    this.update();
  }

  /** No clock runs while nobody looks. */
  private readonly _tickOrNot = (): void => {
    const looks = this.isVisible && document.visibilityState === 'visible';
    const pace = !looks
      ? 0
      : this._server.journeys.some(isTravelling)
        ? TICK
        : SLOW_TICK;
    if (pace === this._pace) {
      return;
    }
    this._pace = pace;
    window.clearInterval(this._ticking);
    if (pace > 0) {
      this._ticking = window.setInterval(() => this.update(), pace);
      this.update();
    }
  };

  private _remedy(action: Remedy): void {
    this._run(action === 'unlock' ? UNLOCK : OPEN_KEYS);
  }

  private _run(command: string, args: { [name: string]: any } = {}): void {
    void this._commands.execute(command, args);
  }

  private _goToFinding(finding: IFinding): void {
    if (finding.cell !== null) {
      const line = finding.line === null ? {} : { line: finding.line };
      this._run(OPEN_CELL, { cell: finding.cell + 1, ...line });
    }
  }

  private _fix({ cell, fix }: IFinding): void {
    if (cell !== null && fix !== null) {
      this._run(FIX_PROBLEM, { cell: cell + 1, title: fix.title });
    }
  }

  private _goToError(journey: IJourney, error: ICellError): void {
    const notebook = journey.notebook ? { notebook: journey.notebook } : {};
    const line = error.line === null ? {} : { line: error.line };
    this._run(OPEN_CELL, { ...notebook, cell: error.cell, ...line });
  }

  private async _cancel(journey: IJourney): Promise<void> {
    const trans = this._trans;
    const answer = await showDialog({
      title: trans.__('Cancel this journey?'),
      body: trans.__(
        'The stations where it has not ended stop it. What has departed from a station is yours.'
      ),
      buttons: [
        Dialog.cancelButton({ label: trans.__('Let it travel') }),
        Dialog.warnButton({ label: trans.__('Cancel the journey') })
      ]
    });
    if (answer.button.accept) {
      await this._server.cancel(journey.id);
    }
  }

  /** It is focused once it is drawn and the panel is in front. */
  private _awaitFocus(_: ITrainPanel, journey: string | null): void {
    this._toShow = journey;
    this.update();
  }

  private _row(journey: string): HTMLElement | undefined {
    return Array.from(
      this.node.querySelectorAll<HTMLElement>('[data-journey]')
    ).find(item => item.dataset.journey === journey);
  }

  /** The journey to show, null for none of them; undefined if the panel was opened by a person. */
  private _toShow: string | null | undefined = undefined;
  private _kernels: IKernel[] = [];
  private _kernelsFrom: string | null = null;
  private _patient = true;
  private _everOpen = false;
  private _ticking = 0;
  private _pace = 0;
}

export const trainPanelPlugin: JupyterFrontEndPlugin<ITrainPanel> = {
  id: 'phtlab:train-panel',
  description: 'The Train panel in the side bar.',
  autoStart: true,
  provides: ITrainPanel,
  requires: [IPhtServer, INotebookTracker, INotebookChecks],
  optional: [
    ILabShell,
    ILayoutRestorer,
    ICommandPalette,
    IStateDB,
    ITranslator
  ],
  activate: (
    app: JupyterFrontEnd,
    server: IPhtServer,
    tracker: INotebookTracker,
    checks: INotebookChecks,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    state: IStateDB | null,
    translator: ITranslator | null
  ): ITrainPanel => {
    const trans = (translator ?? nullTranslator).load('phtlab');
    const model = new TrainPanelModel(tracker, checks, state);
    const panel = new TrainPanel(model, server, app.commands, trans);
    app.shell.add(panel, 'left', { rank: 150, type: 'Train' });
    restorer?.add(panel, PANEL);
    app.commands.addCommand(OPEN_TRAIN, {
      label: trans.__('Show the Train Panel'),
      caption: trans.__('The current notebook, stations and journeys'),
      describedBy: { args: { type: 'object', properties: {} } },
      icon: trainIcon,
      execute: () => app.shell.activateById(PANEL)
    });
    palette?.addItem({
      command: OPEN_TRAIN,
      category: trans.__('Federated analysis')
    });
    model.shown.connect(() => labShell?.expandLeft());
    model.shown.connect(() => app.shell.activateById(PANEL));
    return model;
  }
};
