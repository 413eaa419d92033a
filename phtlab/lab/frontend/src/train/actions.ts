/**
 * What the Train panel's buttons do: commands of other plugins, and the cancellation of a journey.
 */
import { Dialog, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';

import { FIX_PROBLEM, OPEN_CELL, OPEN_KEYS, UNLOCK } from '../commands';
import { ICellError, IFinding, IJourney } from '../server/api';
import { IJourneyServer } from '../server/interfaces';
import { Remedy } from './bannerRules';

export class PanelActions {
  constructor(
    private readonly _server: IJourneyServer,
    private readonly _commands: CommandRegistry,
    private readonly _trans: TranslationBundle
  ) {}

  run(command: string, args: { [name: string]: any } = {}): void {
    void this._commands.execute(command, args);
  }

  remedy(action: Remedy): void {
    this.run(action === 'unlock' ? UNLOCK : OPEN_KEYS);
  }

  goToFinding(finding: IFinding): void {
    if (finding.cell !== null) {
      const line = finding.line === null ? {} : { line: finding.line };
      this.run(OPEN_CELL, { cell: finding.cell + 1, ...line });
    }
  }

  fix({ cell, fix }: IFinding): void {
    if (cell !== null && fix !== null) {
      this.run(FIX_PROBLEM, { cell: cell + 1, title: fix.title });
    }
  }

  goToError(journey: IJourney, error: ICellError): void {
    const notebook = journey.notebook ? { notebook: journey.notebook } : {};
    const line = error.line === null ? {} : { line: error.line };
    this.run(OPEN_CELL, { ...notebook, cell: error.cell, ...line });
  }

  /** Cancel a journey, once the person has confirmed it. */
  async cancel(journey: IJourney): Promise<void> {
    const trans = this._trans;
    const answer = await showDialog({
      title: trans.__('Cancel this journey?'),
      body: trans.__(
        'The stations where it has not ended stop it. What has departed from a station is yours.'
      ),
      buttons: [
        Dialog.cancelButton({ label: trans.__('Let it travel') }),
        Dialog.warnButton({ label: trans.__('Cancel the journey') })
      ]
    });
    if (answer.button.accept) {
      await this._server.cancel(journey.id);
    }
  }

  /** End the rounds after the present one: the key signs that. */
  async finish(journey: IJourney): Promise<void> {
    if ((await this._commands.execute(UNLOCK)) !== true) {
      throw new Error(this._trans.__('Your key is locked: nothing was sent.'));
    }
    await this._server.finish(journey.id);
  }
}
