/**
 * What `train check` says of each open notebook, kept true as one types.
 */
import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICellModel } from '@jupyterlab/cells';
import { PathExt } from '@jupyterlab/coreutils';
import { DocumentRegistry } from '@jupyterlab/docregistry';
import {
  INotebookModel,
  INotebookTracker,
  NotebookPanel
} from '@jupyterlab/notebook';
import { ISignal, Signal } from '@lumino/signaling';

import { NotebookCells } from '../notebook/cells';
import { ICheck, IFinding, IProblem } from '../server/api';
import { PhtProblem } from '../server/errors';
import { INotebookServer, IServerState } from '../server/interfaces';
import { INotebookChecks, IPhtServer } from '../tokens';
import { LiveCheck } from './liveCheck';

/** How long one has to stop typing. */
const PAUSE = 500; // ms

/** A notebook without what it put out: all that a check reads. */
export interface INotebookSource {
  nbformat: number;
  nbformat_minor: number;
  metadata: unknown;
  cells: { source: string }[];
}

/** A check, the ids of the cells that its findings count, and what they said. */
interface IChecked {
  check: ICheck;
  cells: string[];
  sources: string[];
}

export class NotebookChecks implements INotebookChecks {
  constructor(private readonly _server: IServerState & INotebookServer) {
    let connected = _server.connected;
    _server.changed.connect(() => {
      if (_server.connected && !connected) {
        // It was away: whoever got no answer asks again.
        for (const live of this._followed) {
          if (live.failure !== null) {
            live.anew();
          }
        }
      }
      connected = _server.connected;
    });
  }

  checkOf(panel: NotebookPanel): ICheck | null {
    return this._live.get(panel)?.answer?.check ?? null;
  }

  findingsOf(panel: NotebookPanel, cell: ICellModel): readonly IFinding[] {
    const answer = this._live.get(panel)?.answer;
    if (!answer) {
      return [];
    }
    const index = answer.cells.indexOf(cell.id);
    return index < 0
      ? []
      : answer.check.findings.filter(found => found.cell === index);
  }

  isChecked(panel: NotebookPanel, cell: ICellModel): boolean {
    const answer = this._live.get(panel)?.answer;
    const index = answer?.cells.indexOf(cell.id) ?? -1;
    return (
      index >= 0 && answer?.sources[index] === cell.sharedModel.getSource()
    );
  }

  problemOf(panel: NotebookPanel): IProblem | null {
    const failure = this._live.get(panel)?.failure ?? null;
    return failure === null ? null : problemOf(failure);
  }

  get changed(): ISignal<this, NotebookPanel> {
    return this._changed;
  }

  /** Keep the check of `panel` true until it is closed. */
  async follow(panel: NotebookPanel): Promise<void> {
    await panel.context.ready;
    const { context } = panel;
    const model = panel.content.model;
    if (panel.isDisposed || model === null) {
      return;
    }
    const live = new LiveCheck<INotebookSource, IChecked>(
      {
        read: () => sourceOf(model),
        ask: async content => ({
          cells: idsOf(model),
          sources: content.cells.map(({ source }) => source),
          check: await this._server.check(
            PathExt.basename(context.path),
            content
          )
        })
      },
      PAUSE
    );
    this._live.set(panel, live);
    this._followed.add(live);
    live.changed.connect(() => this._changed.emit(panel));
    const cells = new NotebookCells(panel);
    cells.changed.connect(() => live.later());
    cells.edited.connect(() => live.later());
    model.metadataChanged.connect(() => live.later());
    context.pathChanged.connect(() => live.anew());
    const onSave = (_: unknown, state: DocumentRegistry.SaveState) => {
      if (state === 'completed') {
        live.anew();
      }
    };
    context.saveState.connect(onSave);
    panel.disposed.connect(() => {
      context.saveState.disconnect(onSave);
      this._followed.delete(live);
      cells.dispose();
      live.dispose();
    });
    live.anew();
  }

  private readonly _live = new WeakMap<
    NotebookPanel,
    LiveCheck<INotebookSource, IChecked>
  >();
  private readonly _followed = new Set<LiveCheck<INotebookSource, IChecked>>();
  private readonly _changed = new Signal<this, NotebookPanel>(this);
}

function idsOf(model: INotebookModel): string[] {
  return Array.from(model.cells, cell => cell.id);
}

/** `model` as a notebook, without outputs, counts and attachments. */
export function sourceOf(model: INotebookModel): INotebookSource {
  const { nbformat, nbformat_minor } = model.sharedModel;
  const hasIds = nbformat > 4 || nbformat_minor > 4;
  return {
    nbformat,
    nbformat_minor,
    metadata: model.sharedModel.getMetadata(),
    cells: Array.from(model.cells, ({ id, type, sharedModel }) => ({
      ...(hasIds ? { id } : {}),
      cell_type: type,
      metadata: sharedModel.getMetadata(),
      source: sharedModel.getSource(),
      ...(type === 'code' ? { execution_count: null, outputs: [] } : {})
    }))
  };
}

function problemOf(failure: unknown): IProblem {
  return failure instanceof PhtProblem
    ? failure.problem
    : { code: 'unexpected', message: String(failure) };
}

export const checksPlugin: JupyterFrontEndPlugin<INotebookChecks> = {
  id: 'phtlab:checks',
  description: 'Checks each open notebook as one types.',
  autoStart: true,
  requires: [IPhtServer, INotebookTracker],
  provides: INotebookChecks,
  activate: (
    app: JupyterFrontEnd,
    server: IPhtServer,
    tracker: INotebookTracker
  ): INotebookChecks => {
    const checks = new NotebookChecks(server);
    tracker.widgetAdded.connect((_, panel) => void checks.follow(panel));
    return checks;
  }
};
