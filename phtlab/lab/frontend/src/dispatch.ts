/**
 * Sending trains from Lab: a dry run in one click, a dispatch, and the same once more.
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

import { IJourney, IMember } from './api';
import { IDraft, askDispatch } from './dispatchDialog';
import {
  ISoundCheck,
  chosenAtFirst,
  errors,
  isSound,
  stillMembers
} from './dispatchWords';
import { IPhtServer, PhtProblem } from './server';
import { DISPATCH, DRY_RUN, OPEN_TRAIN, SEND_AGAIN } from './trainPanel';
import { ITrainPanel } from './trainPanelModel';
import { UNLOCK } from './unlock';

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
      describedBy: {
        args: {
          type: 'object',
          properties: {
            journey: { type: 'string', description: "The journey's id" }
          },
          required: ['journey']
        }
      },
      execute: args => sender.again(String(args.journey ?? ''))
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
    private readonly _server: IPhtServer,
    private readonly _model: ITrainPanel,
    private readonly _documents: IDocumentManager,
    private readonly _trans: TranslationBundle
  ) {}

  async dryRun(): Promise<void> {
    const trans = this._trans;
    await this._guarded(trans.__('Starting the dry run…'), async panel => {
      if (this._server.status && !this._server.status.dry_runs) {
        throw new PhtProblem(
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
        throw new PhtProblem(
          {
            code: 'parameters',
            message: trans.__('Mend the parameters that are marked below.')
          },
          0
        );
      }
      if (!(await this._unlocked())) {
        return;
      }
      const path = this._path(panel);
      const journey = await this._server.dispatch({
        path,
        checked: check.digest,
        stations: 'twin',
        parameters: this._model.values(panel.context.path),
        recipients: [],
        proposal: null
      });
      this._model.show(journey.id);
    });
  }

  async dispatch(earlier: IJourney | null = null): Promise<void> {
    const trans = this._trans;
    let draft: IDraft | null = null;
    let members: IMember[] = [];
    await this._guarded(trans.__('Getting ready…'), async panel => {
      const check = await this._ready(panel);
      if (!(await this._unlocked())) {
        return;
      }
      // Without the list one can still send: to oneself.
      members = await this._server.members().catch(() => []);
      draft = this._draft(panel, check, members, earlier);
    });
    while (draft !== null) {
      const sent = await askDispatch(draft, members, this._server, trans);
      if (sent.journey) {
        const panel = this._model.notebook;
        if (panel && this._path(panel) === sent.draft.path) {
          this._model.setValues(
            panel.context.path,
            sent.draft.parameters,
            true
          );
        }
        this._model.show(sent.journey.id);
      }
      // Dialogs wait for each other: this one had to close for the passphrase.
      draft = sent.locked && (await this._unlocked()) ? sent.draft : null;
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
        trans.__('Which notebook was it?'),
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

  /** Run `task` on the current notebook; what goes wrong is said in the panel. */
  private async _guarded(
    busy: string,
    task: (panel: NotebookPanel) => Promise<void>
  ): Promise<void> {
    const panel = this._model.notebook;
    if (panel === null || this._model.busy !== null) {
      return;
    }
    this._model.problem = null;
    this._model.busy = busy;
    try {
      await task(panel);
    } catch (error) {
      this._model.problem =
        error instanceof PhtProblem
          ? error.problem
          : { code: 'unknown', message: (error as Error).message };
      await this._app.commands.execute(OPEN_TRAIN);
    } finally {
      this._model.busy = null;
    }
  }

  /** Save what is shown, for it is what travels; gives its check. Throws what keeps it here. */
  private async _ready(panel: NotebookPanel): Promise<ISoundCheck> {
    const { context } = panel;
    if (context.model.dirty && !context.model.readOnly) {
      await context.save();
    }
    const check = await this._server.check(
      // What is signed has its file's name, without the drive that Lab puts before it.
      PathExt.basename(this._path(panel)),
      panel.content.model?.toJSON()
    );
    const found = errors(check);
    if (!isSound(check)) {
      throw new PhtProblem(
        {
          code: found[0]?.code ?? 'notebook',
          message: this._trans._n(
            'This notebook cannot travel yet: one problem is listed above.',
            'This notebook cannot travel yet: %1 problems are listed above.',
            Math.max(found.length, 1)
          )
        },
        0
      );
    }
    return check;
  }

  /** Whether the key is open now; asks for the passphrase if it is locked. */
  private async _unlocked(): Promise<boolean> {
    const state = this._server.status?.key.state;
    if (state === undefined || state === 'unlocked') {
      return true;
    }
    return (await this._app.commands.execute(UNLOCK)) === true;
  }

  private _draft(
    panel: NotebookPanel,
    check: ISoundCheck,
    members: readonly IMember[],
    earlier: IJourney | null
  ): IDraft {
    const path = panel.context.path;
    const declared = check.parameters.properties ?? {};
    // A parameter that the notebook no longer has cannot be sent again.
    const before = Object.entries(earlier?.parameters ?? {}).filter(
      ([name]) => name in declared
    );
    const went =
      earlier !== null && !earlier.twin
        ? earlier.stops.map(stop => stop.station)
        : null;
    const me = this._server.status?.key.name ?? null;
    return {
      path: this._path(panel),
      name: PathExt.basename(path),
      check,
      stations: went ?? chosenAtFirst(this._server.stations, check),
      parameters: earlier
        ? Object.fromEntries(before)
        : this._model.values(path),
      recipients: stillMembers(earlier?.recipients ?? [], members, me),
      proposal: null
    };
  }

  private _path(panel: NotebookPanel): string {
    return this._app.serviceManager.contents.localPath(panel.context.path);
  }
}
