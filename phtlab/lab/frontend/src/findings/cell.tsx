/**
 * The findings of one cell, shown in the cell.
 */
import { setDiagnostics } from '@codemirror/lint';
import { Compartment } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { Cell } from '@jupyterlab/cells';
import { CodeMirrorEditor } from '@jupyterlab/codemirror';
import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { PanelLayout } from '@lumino/widgets';
import * as React from 'react';

import { IFinding, IFix } from '../server/api';
import { Name } from '../text/name';
import { MESSAGE_LIMIT, TITLE_LIMIT, diagnosticsOf } from './diagnostics';
import { fixTransaction } from './fix';

export class CellFindings {
  constructor(
    private readonly _cell: Cell,
    onLine: (line: number) => void,
    private readonly _onFix: (fix: IFix) => void,
    trans: TranslationBundle
  ) {
    this._list = new FindingsList(onLine, _onFix, trans);
    // A cell that has not come into view has no editor yet.
    void _cell.ready.then(() => {
      this._isReady = !_cell.isDisposed;
      this._draw();
    });
    _cell.disposed.connect(() => this._list.dispose());
  }

  /** The same list as before changes nothing: marks move with the text that they are on. */
  show(findings: readonly IFinding[]): void {
    const serialized = JSON.stringify(findings);
    if (serialized !== this._drawn) {
      this._drawn = serialized;
      this._findings = findings;
      this._draw();
    }
  }

  private _draw(): void {
    if (!this._isReady || this._cell.isDisposed) {
      return;
    }
    this._list.findings = this._findings;
    this._place();
    const editor = this._cell.editor;
    if (editor instanceof CodeMirrorEditor) {
      this._mark(editor);
    }
  }

  /** Below the input, above what the cell put out. */
  private _place(): void {
    const layout = this._cell.layout as PanelLayout;
    const isWrong = this._findings.length > 0;
    this._cell.toggleClass('pht-mod-wrong', isWrong);
    if (isWrong && !this._list.parent) {
      const input = layout.widgets.findIndex(widget =>
        widget.hasClass('jp-Cell-inputWrapper')
      );
      layout.insertWidget(input + 1, this._list);
    } else if (!isWrong && this._list.parent) {
      layout.removeWidget(this._list);
    }
  }

  private _mark(editor: CodeMirrorEditor): void {
    const view = editor.editor;
    // Whoever reads by ear hears the problems with the cell's text.
    const described =
      this._findings.length > 0
        ? EditorView.contentAttributes.of({
            'aria-describedby': this._findings
              .map((_, index) => this._list.idOf(index))
              .join(' '),
            'aria-invalid': 'true'
          })
        : [];
    if (this._marked !== view) {
      this._marked = view;
      editor.injectExtension(this._description.of(described));
    } else {
      view.dispatch({ effects: this._description.reconfigure(described) });
    }
    view.dispatch(
      setDiagnostics(
        view.state,
        diagnosticsOf(view.state.doc, this._findings, this._onFix)
      )
    );
  }

  private readonly _list: FindingsList;
  private readonly _description = new Compartment();
  private _marked: EditorView | null = null;
  private _findings: readonly IFinding[] = [];
  private _drawn = '[]';
  private _isReady = false;
}

/** The problems of a cell in words, each with the way to its line and what mends it. */
class FindingsList extends ReactWidget {
  constructor(
    private readonly _onLine: (line: number) => void,
    private readonly _onFix: (fix: IFix) => void,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.id = `pht-findings-${++lists}`;
    this.addClass('pht-CellFindings');
  }

  /** The id of the element with the finding at `index`. */
  idOf(index: number): string {
    return `${this.id}-${index}`;
  }

  set findings(findings: readonly IFinding[]) {
    this._findings = findings;
    this.update();
  }

  protected render(): JSX.Element {
    const trans = this._trans;
    return (
      <ul aria-label={trans.__('Problems of this cell')}>
        {this._findings.map(({ severity, line, message, fix }, index) => (
          <li
            key={index}
            id={this.idOf(index)}
            className={`pht-mod-${severity}`}
          >
            <span className="pht-CellFindings-mark" aria-hidden="true">
              {severity === 'error' ? '✗' : '!'}
            </span>
            <span className="pht-Hidden">
              {severity === 'error' ? trans.__('Error:') : trans.__('Warning:')}
            </span>
            <span>
              <Name text={message} limit={MESSAGE_LIMIT} />
              {line !== null && (
                <button
                  className="pht-CellFindings-line"
                  onClick={() => this._onLine(line)}
                >
                  {trans.__('Line %1', line)}
                </button>
              )}
              {fix !== null && (
                <button className="pht-Fix" onClick={() => this._onFix(fix)}>
                  <Name text={fix.title} limit={TITLE_LIMIT} />
                </button>
              )}
            </span>
          </li>
        ))}
      </ul>
    );
  }

  private _findings: readonly IFinding[] = [];
}

let lists = 0;

/** A cell's changes in steps that can be undone, as shared models of Yjs have them. */
interface IUndoable {
  undoManager?: { stopCapturing(): void } | null;
}

/** Make the change in the cell's editor, as one step to undo. Whether it could be made. */
export function applyFix(cell: Cell, fix: IFix): boolean {
  const { editor } = cell;
  if (!(editor instanceof CodeMirrorEditor)) {
    return false;
  }
  const view = editor.editor;
  const change = fixTransaction(view.state.doc, fix);
  if (change === null || view.state.readOnly) {
    return false;
  }
  (cell.model.sharedModel as IUndoable).undoManager?.stopCapturing();
  view.dispatch(change);
  view.focus();
  return true;
}
