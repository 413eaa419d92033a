/**
 * A dialog that stays open until its submission succeeds or the person cancels.
 */
import { Dialog } from '@jupyterlab/apputils';

export interface ISubmitBody {
  /** Try it; whether the dialog is over. */
  submit(): Promise<boolean>;
  readonly isSubmitting: boolean;
  /** Called when `working` may have changed. */
  stateChanged: () => void;
}

export class SubmitDialog<
  T extends Dialog.IBodyWidget<void> & ISubmitBody
> extends Dialog<void> {
  /** The first button gives up, the last one attempts. */
  constructor(
    protected readonly submitBody: T,
    options: Partial<Dialog.IOptions<void>>
  ) {
    super({ ...options, body: submitBody, defaultButton: 1 });
    submitBody.stateChanged = () => this._showState();
  }

  /** Buttons and the Enter key end here. */
  resolve(index?: number): void {
    if ((index ?? 1) === 0) {
      super.resolve(0);
      return;
    }
    void this.submitBody.submit().then(over => {
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
    button?.setAttribute('aria-disabled', String(this.submitBody.isSubmitting));
  }
}
