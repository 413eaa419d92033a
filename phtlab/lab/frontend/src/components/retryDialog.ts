/**
 * A dialog that stays open until what its button does has worked, or the person gives up.
 */
import { Dialog } from '@jupyterlab/apputils';

export interface IAttempt {
  /** Try it; whether the dialog is over. */
  attempt(): Promise<boolean>;
  readonly working: boolean;
  /** Called when `working` may have changed. */
  stateChanged: () => void;
}

export class AttemptDialog<
  T extends Dialog.IBodyWidget<void> & IAttempt
> extends Dialog<void> {
  /** The first button gives up, the last one attempts. */
  constructor(
    protected readonly attempted: T,
    options: Partial<Dialog.IOptions<void>>
  ) {
    super({ ...options, body: attempted, defaultButton: 1 });
    attempted.stateChanged = () => this._showState();
  }

  /** Buttons and the Enter key end here. */
  resolve(index?: number): void {
    if ((index ?? 1) === 0) {
      super.resolve(0);
      return;
    }
    void this.attempted.attempt().then(over => {
      if (over) {
        super.resolve(1);
      }
    });
  }

  private _showState(): void {
    const button = this.node.querySelector<HTMLButtonElement>(
      '.jp-Dialog-footer .jp-mod-accept'
    );
    // Not `disabled`: that would take the keyboard's focus out of the dialog.
    button?.setAttribute('aria-disabled', String(this.attempted.working));
  }
}
