/**
 * The results of `train check` for each open notebook, kept current while the person types.
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
import { ServerError } from '../server/errors';
import { INotebookServer, IServerState } from '../server/interfaces';
import { INotebookChecks, IPhtServer } from '../tokens';
import { DebouncedQuery } from './debouncedQuery';

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
interface ICheckedSource {
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
        for (const live of this._openQueries) {
          if (live.failure !== null) {
            live.refresh();
          }
        }
      }
      connected = _server.connected;
    });
  }

  checkOf(panel: NotebookPanel): ICheck | null {
    return this._queries.get(panel)?.answer?.check ?? null;
  }

  findingsOf(panel: NotebookPanel, cell: ICellModel): readonly IFinding[] {
    const answer = this._queries.get(panel)?.answer;
    if (!answer) {
      return [];
    }
    const index = answer.cells.indexOf(cell.id);
    return index < 0
      ? []
      : answer.check.findings.filter(found => found.cell === index);
  }

  isChecked(panel: NotebookPanel, cell: ICellModel): boolean {
    const answer = this._queries.get(panel)?.answer;
    const index = answer?.cells.indexOf(cell.id) ?? -1;
    return (
      index >= 0 && answer?.sources[index] === cell.sharedModel.getSource()
    );
  }

  problemOf(panel: NotebookPanel): IProblem | null {
    const failure = this._queries.get(panel)?.failure ?? null;
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
    const live = new DebouncedQuery<INotebookSource, ICheckedSource>(
      {
        read: () => sourceOf(model),
        send: async content => ({
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
    this._queries.set(panel, live);
    this._openQueries.add(live);
    live.changed.connect(() => this._changed.emit(panel));
    const cells = new NotebookCells(panel);
    cells.changed.connect(() => live.schedule());
    cells.edited.connect(() => live.schedule());
    model.metadataChanged.connect(() => live.schedule());
    context.pathChanged.connect(() => live.refresh());
    const onSave = (_: unknown, state: DocumentRegistry.SaveState) => {
      if (state === 'completed') {
        live.refresh();
      }
    };
    context.saveState.connect(onSave);
    panel.disposed.connect(() => {
      context.saveState.disconnect(onSave);
      this._openQueries.delete(live);
      cells.dispose();
      live.dispose();
    });
    live.refresh();
  }

  private readonly _queries = new WeakMap<
    NotebookPanel,
    DebouncedQuery<INotebookSource, ICheckedSource>
  >();
  private readonly _openQueries = new Set<
    DebouncedQuery<INotebookSource, ICheckedSource>
  >();
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
  return failure instanceof ServerError
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
