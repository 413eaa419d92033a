/**
 * The cells of an open notebook, with signals for their changes.
 *
 * Cells come and go, change their type, and are drawn only once they come into view. `changed` is
 * emitted once after each of these.
 */
import { CodeCell, ICellModel } from '@jupyterlab/cells';
import { Notebook, NotebookPanel } from '@jupyterlab/notebook';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Role, declaredRole } from '../roleTags';

/** The role of a cell; null for one that can have none. */
export function roleOf(model: ICellModel): Role | null {
  return model.type === 'code'
    ? (declaredRole(model.getMetadata('tags')) ?? 'local')
    : null;
}

/** The tags of a cell say a role, be it `local`. */
export function hasRole(model: ICellModel): boolean {
  return (
    model.type === 'code' && declaredRole(model.getMetadata('tags')) !== null
  );
}

export class NotebookCells implements IDisposable {
  constructor(readonly panel: NotebookPanel) {
    panel.content.modelChanged.connect(this._follow, this);
    panel.disposed.connect(this.dispose, this);
    this._follow();
  }

  /** Cells were added, removed or moved, or their tags changed. After all of it, once. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The source of a cell changed, or cells came or went: not what they put out. */
  get edited(): ISignal<this, void> {
    return this._edited;
  }

  get models(): ICellModel[] {
    return Array.from(this.panel.content.model?.cells ?? []);
  }

  get codeCells(): CodeCell[] {
    return this.panel.content.widgets.filter(isCodeCell);
  }

  /** An ordinary notebook has none: then there is nothing to show. */
  get hasRoles(): boolean {
    return this.models.some(hasRole);
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    Signal.clearData(this);
  }

  private _follow(notebook?: Notebook): void {
    const model = this.panel.content.model;
    if (!model || model === this._model) {
      return;
    }
    this._model = model;
    model.cells.changed.connect(this._followCells, this);
    this._followCells();
  }

  private _followCells(): void {
    const now = new Set(this.models);
    for (const cell of now) {
      if (!this._known.has(cell)) {
        cell.metadataChanged.connect(this._emitOnce, this);
        cell.sharedModel.changed.connect((_, change) => {
          if (change.sourceChange) {
            this._edited.emit();
          }
        });
      }
    }
    this._known = now;
    this._emitOnce();
    this._edited.emit();
  }

  private _emitOnce(): void {
    // The notebook draws what its model says in the same turn; it is to be done first.
    this._pending ??= Promise.resolve().then(() => {
      this._pending = null;
      if (!this._isDisposed && !this.panel.isDisposed) {
        this._changed.emit();
      }
    });
  }

  private _isDisposed = false;
  private _model: Notebook['model'] = null;
  private _known = new Set<ICellModel>();
  private _pending: Promise<void> | null = null;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _edited = new Signal<this, void>(this);
}

function isCodeCell(cell: unknown): cell is CodeCell {
  return cell instanceof CodeCell;
}
