/**
 * The dialog that asks for the passphrase of the key.
 *
 * It stays open until the key is open or the person gives up. The passphrase is in the field and
 * in one request; no state, signal or setting holds it.
 */
import { Dialog, ReactWidget } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { ISubmitBody, SubmitDialog } from '../components/submitDialog';
import { ServerError } from '../server/errors';
import { IKeyServer, IServerState } from '../server/interfaces';
import { Name } from '../text/name';

/** Ask for the passphrase; gives whether the key is open. */
export async function showPassphraseDialog(
  server: IServerState & IKeyServer,
  trans: TranslationBundle
): Promise<boolean> {
  const body = new UnlockBody(server, trans);
  const dialog = new SubmitDialog(body, {
    title: trans.__('Unlock your key'),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: trans.__('Unlock') })
    ],
    focusNodeSelector: 'input'
  });
  dialog.addClass('pht-Unlock-dialog');
  const result = await dialog.launch();
  return result.button.accept;
}

class UnlockBody extends ReactWidget implements ISubmitBody {
  constructor(
    private readonly _server: IServerState & IKeyServer,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('pht-Unlock');
  }

  stateChanged: () => void = () => undefined;

  get isSubmitting(): boolean {
    return this._working;
  }

  /** Try what is in the field. */
  async submit(): Promise<boolean> {
    const field = this._field.current;
    if (this._working || field === null) {
      return false;
    }
    if (!field.value) {
      this._setState(false, this._trans.__('Type the passphrase of your key.'));
      field.focus();
      return false;
    }
    this._setState(true, null);
    try {
      await this._server.unlock(field.value);
      field.value = '';
      return true;
    } catch (error) {
      this._setState(false, errorText(error, this._trans));
      field.focus();
      field.select();
      return false;
    }
  }

  protected render(): JSX.Element {
    const trans = this._trans;
    const key = this._server.status?.key;
    const wrong = this._refusal !== null;
    return (
      <div className="pht-Unlock-body">
        <label htmlFor="pht-unlock-passphrase">
          {key?.name ? (
            <>
              {trans.__('Passphrase of the key')} <Name text={key.name} />
            </>
          ) : (
            trans.__('Passphrase of your key')
          )}
        </label>
        <input
          id="pht-unlock-passphrase"
          ref={this._field}
          className={'jp-mod-styled' + (wrong ? ' pht-mod-wrong' : '')}
          type="password"
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          readOnly={this._working}
          aria-invalid={wrong}
          aria-describedby="pht-unlock-words"
          data-1p-ignore="true"
          data-lpignore="true"
        />
        <div id="pht-unlock-words" className="pht-Unlock-words" role="status">
          {this._working ? (
            <>
              <div className="pht-Working" aria-hidden="true" />
              <span>
                {trans.__(
                  'Opening the key. It takes about a second, so that guessing takes years.'
                )}
              </span>
            </>
          ) : wrong ? (
            <span className="pht-Refused">
              <span aria-hidden="true">✗ </span>
              {this._refusal}
            </span>
          ) : (
            <span>
              {trans.__(
                'Asked once a session. The passphrase is kept nowhere; the open key stays in ' +
                  'the memory of your Jupyter server until you lock it or the server stops.'
              )}
            </span>
          )}
        </div>
      </div>
    );
  }

  private _setState(working: boolean, refusal: string | null): void {
    this._working = working;
    this._refusal = refusal;
    this.stateChanged();
    this.update();
  }

  private _working = false;
  private _refusal: string | null = null;
  private readonly _field = React.createRef<HTMLInputElement>();
}

function errorText(error: unknown, trans: TranslationBundle): string {
  return error instanceof ServerError
    ? error.message
    : trans.__('The key cannot be opened now. Try again.');
}
