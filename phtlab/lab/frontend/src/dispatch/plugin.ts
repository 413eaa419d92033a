/**
 * Sending trains from Lab: dry run, dispatch, and sending a journey again.
 */
import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  ICommandPalette,
  Notification,
  showErrorMessage
} from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import {
  ITranslator,
  TranslationBundle,
  nullTranslator
} from '@jupyterlab/translation';

import { DISPATCH, DRY_RUN, RESUME, SEND_AGAIN } from '../commands';
import { NotebookTask } from '../notebook/task';
import { IJourney, IMember } from '../server/api';
import { ServerError } from '../server/errors';
import {
  IJourneyServer,
  INotebookServer,
  IServerState
} from '../server/interfaces';
import { IPhtServer, ITrainPanel } from '../tokens';
import { showDispatchDialog } from './dialog';
import { IDraft, IPassedCheck, errorFindings, hasPassed } from './draft';
import { resumeJourney } from './resume';
import { defaultStations, existingRecipients } from './selection';

/** What a command about one journey takes. */
const JOURNEY_ARGUMENT = {
  type: 'object',
  properties: {
    journey: { type: 'string', description: "The journey's id" }
  },
  required: ['journey']
};

export const dispatchPlugin: JupyterFrontEndPlugin<void> = {
  id: 'phtlab:dispatch',
  description: 'Dry runs, dispatches, and sending again.',
  autoStart: true,
  requires: [IPhtServer, ITrainPanel, INotebookTracker, IDocumentManager],
  optional: [ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    server: IPhtServer,
    model: ITrainPanel,
    tracker: INotebookTracker,
    documents: IDocumentManager,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('phtlab');
    const category = trans.__('Federated analysis');
    const { commands } = app;
    const sender = new Sender(app, server, model, documents, trans);
    const isEnabled = () => tracker.currentWidget !== null;

    commands.addCommand(DRY_RUN, {
      label: trans.__('Dry Run on the Twin'),
      caption: trans.__('Run it the same way on synthetic data'),
      describedBy: { args: { type: 'object', properties: {} } },
      isEnabled,
      execute: () => sender.dryRun()
    });
    commands.addCommand(DISPATCH, {
      label: trans.__('Dispatch…'),
      caption: trans.__('Choose the stations, sign, and send'),
      describedBy: { args: { type: 'object', properties: {} } },
      isEnabled,
      execute: () => sender.dispatch()
    });
    commands.addCommand(SEND_AGAIN, {
      label: trans.__('Send a Journey Again…'),
      describedBy: { args: JOURNEY_ARGUMENT },
      execute: args => sender.again(String(args.journey ?? ''))
    });
    commands.addCommand(RESUME, {
      label: trans.__('Resume a Journey…'),
      caption: trans.__('Continue after the last station that handed on'),
      describedBy: { args: JOURNEY_ARGUMENT },
      execute: args =>
        resumeJourney(String(args.journey ?? ''), app, server, model, trans)
    });
    tracker.currentChanged.connect(() => {
      commands.notifyCommandChanged(DRY_RUN);
      commands.notifyCommandChanged(DISPATCH);
    });
    for (const command of [DRY_RUN, DISPATCH]) {
      palette?.addItem({ command, category });
    }
  }
};

class Sender {
  constructor(
    private readonly _app: JupyterFrontEnd,
    private readonly _server: IServerState & INotebookServer & IJourneyServer,
    private readonly _model: ITrainPanel,
    private readonly _documents: IDocumentManager,
    private readonly _trans: TranslationBundle
  ) {
    this._task = new NotebookTask(_app, _server, _model);
  }

  async dryRun(): Promise<void> {
    const trans = this._trans;
    await this._task.run(trans.__('Starting the dry run…'), async panel => {
      if (this._server.status && !this._server.status.dry_runs) {
        throw new ServerError(
          {
            code: 'no-twin-station',
            message: trans.__(
              'There is no twin station that runs dry runs now. Its operator starts it; ' +
                'a dispatch goes without it.'
            )
          },
          0
        );
      }
      const check = await this._ready(panel);
      if (!this._model.isValid(panel.context.path)) {
        throw new ServerError(
          {
            code: 'parameters',
            message: trans.__('Mend the parameters that are marked below.')
          },
          0
        );
      }
      if (!(await this._task.unlocked())) {
        return;
      }
      const path = this._task.path(panel);
      const journey = await this._server.dispatch({
        path,
        checked: check.digest,
        stations: 'twin',
        parameters: this._model.values(panel.context.path),
        recipients: [],
        aggregator: null,
        proposal: null
      });
      this._model.showJourney(journey.id);
    });
  }

  async dispatch(earlier: IJourney | null = null): Promise<void> {
    const trans = this._trans;
    let draft: IDraft | null = null;
    let members: IMember[] = [];
    await this._task.run(trans.__('Getting ready…'), async panel => {
      const check = await this._ready(panel);
      if (!(await this._task.unlocked())) {
        return;
      }
      // Without the list one can still send: to oneself.
      members = await this._server.members().catch(() => []);
      draft = this._draft(panel, check, members, earlier);
    });
    while (draft !== null) {
      const sent = await showDispatchDialog(
        draft,
        members,
        this._server,
        trans
      );
      if (sent.journey) {
        const panel = this._model.notebook;
        if (panel && this._task.path(panel) === sent.draft.path) {
          this._model.setValues(
            panel.context.path,
            sent.draft.parameters,
            true
          );
        }
        this._model.showJourney(sent.journey.id);
      }
      // Dialogs wait for each other: this one had to close for the passphrase.
      draft = sent.locked && (await this._task.unlocked()) ? sent.draft : null;
    }
  }

  /** The notebook of a journey, in the dialog, with its stations and parameters. */
  async again(id: string): Promise<void> {
    const trans = this._trans;
    const journey = this._server.journeys.find(known => known.id === id);
    if (!journey) {
      Notification.warning(
        trans.__('That journey is not known here any more.'),
        { autoClose: 6000 }
      );
      return;
    }
    if (journey.notebook === null) {
      await showErrorMessage(
        trans.__('The notebook is not known'),
        trans.__(
          'This journey was not sent from here, so its notebook is not known. Open the ' +
            'notebook and dispatch it.'
        )
      );
      return;
    }
    const panel = this._documents.openOrReveal(journey.notebook, 'Notebook');
    if (!(panel instanceof NotebookPanel)) {
      await showErrorMessage(
        trans.__('The notebook is not there'),
        trans.__(
          '%1 was moved or removed since. Open it where it is now and dispatch it.',
          journey.notebook
        )
      );
      return;
    }
    await panel.context.ready;
    await panel.revealed;
    this._app.shell.activateById(panel.id);
    await this.dispatch(journey);
  }

  /** Save what is shown, for it is what travels; gives its check. Throws what keeps it here. */
  private async _ready(panel: NotebookPanel): Promise<IPassedCheck> {
    await this._task.save(panel);
    const check = await this._server.check(
      // What is signed has its file's name, without the drive that Lab puts before it.
      PathExt.basename(this._task.path(panel)),
      (panel.content.model?.toJSON() ?? {}) as object
    );
    const errors = errorFindings(check);
    if (!hasPassed(check)) {
      throw new ServerError(
        {
          code: errors[0]?.code ?? 'notebook',
          message: this._trans._n(
            'This notebook cannot travel yet: one problem is listed above.',
            'This notebook cannot travel yet: %1 problems are listed above.',
            Math.max(errors.length, 1)
          )
        },
        0
      );
    }
    return check;
  }

  private _draft(
    panel: NotebookPanel,
    check: IPassedCheck,
    members: readonly IMember[],
    earlier: IJourney | null
  ): IDraft {
    const path = panel.context.path;
    const declared = check.parameters.properties ?? {};
    // A parameter that the notebook no longer has cannot be sent again.
    const earlierParameters = Object.entries(earlier?.parameters ?? {}).filter(
      ([name]) => name in declared
    );
    const earlierStations =
      earlier !== null && !earlier.twin
        ? earlier.stops.filter(stop => !stop.combines).map(stop => stop.station)
        : null;
    const me = this._server.status?.key.name ?? null;
    return {
      path: this._task.path(panel),
      name: PathExt.basename(path),
      check,
      stations:
        earlierStations ?? defaultStations(this._server.stations, check),
      parameters: earlier
        ? Object.fromEntries(earlierParameters)
        : this._model.values(path),
      recipients: existingRecipients(earlier?.recipients ?? [], members, me),
      proposal: null,
      aggregator: earlier?.stops.find(stop => stop.combines)?.station ?? null
    };
  }

  private readonly _task: NotebookTask;
}
