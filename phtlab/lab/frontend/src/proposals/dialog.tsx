/**
 * The dialog that submits a proposal: its contents as stations will read them, and one button.
 */
import { Dialog, ReactWidget } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { ErrorLine } from '../components/errorLine';
import { ISubmitBody, SubmitDialog } from '../components/submitDialog';
import { IProposalCheck, IProposalDetail } from '../server/api';
import { IProposalServer } from '../server/interfaces';
import { formatList } from '../text/list';
import { Name } from '../text/name';
import { escapeInvisible } from '../text/untrusted';

/** Show it; gives what was submitted, null if the person gave up. */
export async function showSubmitDialog(
  notebook: string,
  check: IProposalCheck,
  server: IProposalServer,
  trans: TranslationBundle
): Promise<IProposalDetail | null> {
  const body = new DraftBody(notebook, check, server, trans);
  const dialog: Dialog<void> = new SubmitDialog(body, {
    title:
      check.version === 1
        ? trans.__('Propose')
        : trans.__('Propose version %1', check.version),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Back to the draft') }),
      Dialog.okButton({ label: trans.__('Sign and submit') })
    ]
  });
  dialog.addClass('pht-Dispatch-dialog');
  await dialog.launch();
  return body.submitted;
}

class DraftBody extends ReactWidget implements ISubmitBody {
  constructor(
    private readonly _notebook: string,
    private readonly _check: IProposalCheck,
    private readonly _server: IProposalServer,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('pht-Dispatch');
  }

  stateChanged: () => void = () => undefined;
  submitted: IProposalDetail | null = null;

  get isSubmitting(): boolean {
    return this._working;
  }

  /** Send what is shown; whether the dialog is over. */
  async submit(): Promise<boolean> {
    if (this._working) {
      return false;
    }
    this._setState(true, null);
    try {
      this.submitted = await this._server.submitDraft(
        this._notebook,
        this._check.checked
      );
      return true;
    } catch (error) {
      this._problem = (error as Error).message;
      return false;
    } finally {
      this._setState(false, this._problem);
    }
  }

  protected render(): JSX.Element {
    const { _check: check, _trans: trans } = this;
    return (
      <>
        <p className="pht-Dispatch-what">
          <Name text={check.title} limit={120} />
        </p>
        {check.version > 1 && check.parts.length === 0 && (
          <p className="pht-Empty">
            {trans.__('Nothing differs from version %1.', check.version - 1)}
          </p>
        )}
        <dl
          className="pht-Asked"
          tabIndex={0}
          aria-label={
            check.version === 1
              ? trans.__('What it asks for')
              : trans.__('What differs from version %1', check.version - 1)
          }
        >
          {check.parts.map(({ heading, lines }) => (
            <React.Fragment key={heading}>
              <dt>{heading}</dt>
              {lines.map(({ mark, text }, number) => (
                <dd key={number} data-mark={mark} dir="auto">
                  {mark !== ' ' && (
                    <span className="pht-Asked-mark">{mark} </span>
                  )}
                  {escapeInvisible(text)}
                </dd>
              ))}
            </React.Fragment>
          ))}
        </dl>
        <div className="pht-Dispatch-summary" role="status">
          <strong>{trans.__('You sign:')}</strong>{' '}
          {trans.__(
            'version %1 of this proposal, to %2. Each of them decides on it.',
            check.version,
            formatList(check.stations, trans)
          )}
        </div>
        {this._problem && <ErrorLine>{this._problem}</ErrorLine>}
      </>
    );
  }

  private _setState(working: boolean, problem: string | null): void {
    this._working = working;
    this._problem = problem;
    this.stateChanged();
    this.update();
  }

  private _working = false;
  private _problem: string | null = null;
}
