/**
 * A button that asks before it acts: to cancel a journey, or to end its rounds early.
 */
import { TranslationBundle } from '@jupyterlab/translation';

import { makeElement } from '../components/elements';

export interface IConfirmedTexts {
  /** The button, without the dots that say that it asks. */
  label: string;
  question: string;
  confirm: string;
  keep: string;
  /** After the person has confirmed. */
  sent: string;
}

export function cancelTexts(trans: TranslationBundle): IConfirmedTexts {
  return {
    label: trans.__('Cancel'),
    question: trans.__('Ask all stations to stop?'),
    confirm: trans.__('Cancel the journey'),
    keep: trans.__('Keep going'),
    sent: trans.__('Asking the stations to stop…')
  };
}

export function stopEarlyTexts(trans: TranslationBundle): IConfirmedTexts {
  return {
    label: trans.__('Stop early'),
    question: trans.__('End the rounds after this one?'),
    confirm: trans.__('Stop early'),
    keep: trans.__('Keep going'),
    sent: trans.__('Ending the rounds…')
  };
}

export class ConfirmedButton {
  /** `isAsked`: whether `act` asks the person by itself. */
  constructor(
    private readonly _texts: IConfirmedTexts,
    private readonly _isAsked: boolean,
    private readonly _act: () => Promise<void>
  ) {
    const question = makeElement('span', 'question', _texts.question);
    const confirm = makeElement(
      'button',
      'button pht-mod-warn',
      _texts.confirm,
      { type: 'button' }
    );
    this._ask.append(question, confirm, this._keep);
    this._ask.setAttribute('aria-label', question.textContent ?? '');
    this._keep.textContent = _texts.keep;
    this.node.append(this._button, this._ask);
    this._button.addEventListener('click', () => {
      if (_isAsked) {
        void this._act();
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
      void this._act();
    });
    this._show();
  }

  readonly node = makeElement('span', 'cancel');

  update(isOffered: boolean): void {
    this._isOffered = isOffered;
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
    this.node.hidden = !this._isOffered;
    this._button.hidden = this._isAsking;
    this._button.disabled = this._isSent;
    this._button.textContent = this._isSent
      ? this._texts.sent
      : this._texts.label + (this._isAsked ? '' : '…');
    this._ask.hidden = !this._isAsking;
  }

  private _isOffered = false;
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
