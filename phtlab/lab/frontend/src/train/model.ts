/**
 * The Train panel's own state: the current notebook, its check, the values in its form, which
 * journeys and sections are expanded, and the error of the last request.
 */
import { DocumentRegistry } from '@jupyterlab/docregistry';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { IStateDB } from '@jupyterlab/statedb';
import { ReadonlyJSONObject } from '@lumino/coreutils';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { ICheck, IProblem, IParameterValues } from '../server/api';
import { ITrainPanel } from '../tokens';

/** The check of a notebook as it stands: the checks plugin keeps it up to date. */
export interface ICheckSource {
  checkOf(panel: NotebookPanel): ICheck | null;
  readonly changed: ISignal<any, any>;
}

const STATE = 'phtlab:train-panel';
/** Nobody needs these at first: they open on demand. */
const CLOSED_AT_FIRST = ['kernels'];

export class TrainPanelModel implements ITrainPanel, IDisposable {
  constructor(
    private readonly _tracker: INotebookTracker,
    private readonly _checks: ICheckSource,
    private readonly _state: IStateDB | null
  ) {
    _tracker.currentChanged.connect(this._follow, this);
    _checks.changed.connect(this._emit, this);
    this._follow();
    void this._restore();
  }

  get notebook(): NotebookPanel | null {
    return this._tracker.currentWidget;
  }
  get check(): ICheck | null {
    const notebook = this.notebook;
    return notebook && this._checks.checkOf(notebook);
  }
  get changed(): ISignal<this, void> {
    return this._changed;
  }
  get activateRequested(): ISignal<this, string | null> {
    return this._activateRequested;
  }
  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      Signal.clearData(this);
    }
  }

  values(path: string): IParameterValues {
    return this._values.get(path) ?? {};
  }
  setValues(path: string, values: IParameterValues, valid: boolean): void {
    this._values.set(path, values);
    this._valid.set(path, valid);
    this._emit();
  }
  isValid(path: string): boolean {
    return this._valid.get(path) ?? true;
  }

  get problem(): IProblem | null {
    return this._problem;
  }
  set problem(problem: IProblem | null) {
    this._problem = problem;
    this._emit();
  }
  get busy(): string | null {
    return this._busy;
  }
  set busy(busy: string | null) {
    this._busy = busy;
    this._emit();
  }

  isOpen(section: string): boolean {
    return this._open.get(section) ?? !CLOSED_AT_FIRST.includes(section);
  }
  setOpen(section: string, open: boolean): void {
    this._open.set(section, open);
    const sections: ReadonlyJSONObject = Object.fromEntries(this._open);
    void this._state?.save(STATE, { sections });
    this._emit();
  }

  isExpanded(journey: string): boolean {
    return this._expanded.has(journey);
  }
  setExpanded(journey: string, expanded: boolean): void {
    if (expanded) {
      this._expanded.add(journey);
    } else {
      this._expanded.delete(journey);
    }
    this._emit();
  }
  showJourney(journey: string): void {
    this._expanded.clear();
    this._expanded.add(journey);
    this.setOpen('journeys', true);
    this._activateRequested.emit(journey);
  }
  activate(): void {
    this._activateRequested.emit(null);
  }

  private async _restore(): Promise<void> {
    const kept = (await this._state?.fetch(STATE)) as
      { sections?: { [name: string]: unknown } } | undefined;
    for (const [name, open] of Object.entries(kept?.sections ?? {})) {
      if (!this._open.has(name)) {
        this._open.set(name, open === true);
      }
    }
    this._emit();
  }

  private _follow(): void {
    this._followed?.pathChanged.disconnect(this._onPathChanged, this);
    this._followed = this.notebook?.context ?? null;
    this._path = this._followed?.path ?? '';
    this._followed?.pathChanged.connect(this._onPathChanged, this);
    // What was said of another notebook is not true of this one.
    this._problem = null;
    this._emit();
  }

  private _onPathChanged(
    context: DocumentRegistry.IContext<DocumentRegistry.IModel>
  ): void {
    const values = this._values.get(this._path);
    if (values) {
      this._values.delete(this._path);
      this._values.set(context.path, values);
    }
    this._path = context.path;
    this._emit();
  }

  private _emit(): void {
    this._changed.emit();
  }

  private _followed: DocumentRegistry.IContext<DocumentRegistry.IModel> | null =
    null;
  private _path = '';
  private _problem: IProblem | null = null;
  private _busy: string | null = null;
  private _isDisposed = false;
  private readonly _valid = new Map<string, boolean>();
  private readonly _values = new Map<string, IParameterValues>();
  private readonly _open = new Map<string, boolean>();
  private readonly _expanded = new Set<string>();
  private readonly _changed = new Signal<this, void>(this);
  private readonly _activateRequested = new Signal<this, string | null>(this);
}
