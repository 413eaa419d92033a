/**
 * In the status bar: whether the current notebook can travel, or how many problems it has.
 */
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { TranslationBundle } from '@jupyterlab/translation';
import { ISignal, Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import { hasRole } from '../notebook/cells';
import { INotebookChecks } from '../tokens';
import { ICheckStatus, checkStatus } from './diagnostics';

export class FindingsStatusItem extends Widget {
  constructor(
    private readonly _checks: INotebookChecks,
    private readonly _tracker: INotebookTracker,
    onClick: () => void,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('pht-FindingsItem');
    // Told when it changes, and no more than that: nobody is interrupted while writing.
    this.node.setAttribute('role', 'status');
    this._button.addEventListener('click', onClick);
    this.node.append(this._button);
    _checks.changed.connect(this._onChecked, this);
    _tracker.currentChanged.connect(this._draw, this);
    this._draw();
  }

  get isShown(): boolean {
    return this._status !== null;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  private _onChecked(_: INotebookChecks, panel: NotebookPanel): void {
    if (panel === this._tracker.currentWidget) {
      this._draw();
    }
  }

  private _draw(): void {
    const status = this._read();
    if (JSON.stringify(status) === JSON.stringify(this._status)) {
      return;
    }
    this._status = status;
    this._button.textContent = status ? `${status.mark} ${status.text}` : '';
    this._button.title = status?.title ?? '';
    this._changed.emit();
  }

  private _read(): ICheckStatus | null {
    const panel = this._tracker.currentWidget;
    // An ordinary notebook is none of our business.
    const isOurs = Array.from(panel?.content.model?.cells ?? []).some(hasRole);
    return panel && isOurs
      ? checkStatus(
          this._checks.checkOf(panel),
          this._checks.problemOf(panel),
          this._trans
        )
      : null;
  }

  private _status: ICheckStatus | null = null;
  private readonly _button = document.createElement('button');
  private readonly _changed = new Signal<this, void>(this);
}
