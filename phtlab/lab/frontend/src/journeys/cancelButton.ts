/**
 * The button that cancels a journey, and the question before it.
 */
import { TranslationBundle } from '@jupyterlab/translation';

import { makeElement } from '../components/elements';

export class CancelButton {
  /** `isAsked`: whether `cancel` asks the person by itself. */
  constructor(
    private readonly _trans: TranslationBundle,
    private readonly _isAsked: boolean,
    private readonly _cancel: () => Promise<void>
  ) {
    const question = makeElement(
      'span',
      'question',
      _trans.__('Ask all stations to stop?')
    );
    const confirm = makeElement(
      'button',
      'button pht-mod-warn',
      _trans.__('Cancel the journey'),
      { type: 'button' }
    );
    this._ask.append(question, confirm, this._keep);
    this._ask.setAttribute('aria-label', question.textContent ?? '');
    this._keep.textContent = _trans.__('Keep going');
    this.node.append(this._button, this._ask);
    this._button.addEventListener('click', () => {
      if (_isAsked) {
        void this._cancel();
      } else {
        this._choose(true);
      }
    });
    this._keep.addEventListener('click', () => this._choose(false));
    this._ask.addEventListener('keydown', event => {
      if (event.key === 'Escape') {
        event.stopPropagation();
        this._choose(false);
      }
    });
    confirm.addEventListener('click', () => {
      this._isAsking = false;
      this._isSent = true;
      this._show();
      void this._cancel();
    });
    this._show();
  }

  readonly node = makeElement('span', 'cancel');

  update(isCancellable: boolean): void {
    this._isCancellable = isCancellable;
    this._show();
  }

  /** It can be asked for again: the last request came to nothing. */
  reset(): void {
    this._isSent = false;
    this._show();
  }

  private _choose(isAsking: boolean): void {
    this._isAsking = isAsking;
    this._show();
    (isAsking ? this._keep : this._button).focus();
  }

  private _show(): void {
    this.node.hidden = !this._isCancellable;
    this._button.hidden = this._isAsking;
    this._button.disabled = this._isSent;
    this._button.textContent = this._isSent
      ? this._trans.__('Asking the stations to stop…')
      : this._isAsked
        ? this._trans.__('Cancel')
        : this._trans.__('Cancel…');
    this._ask.hidden = !this._isAsking;
  }

  private _isCancellable = false;
  private _isAsking = false;
  /** The person confirmed; the journey is not cancelled yet. */
  private _isSent = false;
  private readonly _button = makeElement('button', 'button', '', {
    type: 'button'
  });
  private readonly _ask = makeElement('span', 'ask', '', { role: 'group' });
  private readonly _keep = makeElement('button', 'button', '', {
    type: 'button'
  });
}
