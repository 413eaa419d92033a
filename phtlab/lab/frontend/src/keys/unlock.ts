/**
 * Unlocking and locking the key: the passphrase is asked for once a session.
 */
import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  Dialog,
  ICommandPalette,
  Notification,
  showDialog,
  showErrorMessage
} from '@jupyterlab/apputils';
import {
  ITranslator,
  TranslationBundle,
  nullTranslator
} from '@jupyterlab/translation';

import { LOCK, OPEN_KEYS, UNLOCK } from '../commands';
import { IKeyServer, IServerState } from '../server/interfaces';
import { lazyImport } from '../server/lazyImport';
import { IPhtServer } from '../tokens';

const NO_ARGUMENTS = { type: 'object', properties: {} };

export const unlockPlugin: JupyterFrontEndPlugin<void> = {
  id: 'phtlab:unlock',
  description: "Asks for the key's passphrase, once a session; locks the key.",
  autoStart: true,
  requires: [IPhtServer],
  optional: [ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    server: IPhtServer,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('phtlab');
    const category = trans.__('Federated analysis');
    const { commands } = app;
    // Several may need the key at once: they wait for one answer.
    let asking: Promise<boolean> | null = null;

    commands.addCommand(UNLOCK, {
      describedBy: { args: NO_ARGUMENTS },
      label: trans.__('Unlock the Key…'),
      caption: trans.__('Open your key with its passphrase, for this session'),
      isEnabled: () => server.status?.key.state !== 'unlocked',
      execute: (): Promise<boolean> => {
        asking ??= unlock(app, server, trans).finally(() => {
          asking = null;
        });
        return asking;
      }
    });

    commands.addCommand(LOCK, {
      describedBy: { args: NO_ARGUMENTS },
      label: trans.__('Lock the Key'),
      caption: trans.__('Forget the open key; the next use asks again'),
      isEnabled: () => server.status?.key.state === 'unlocked',
      execute: async () => {
        try {
          await server.lock();
          Notification.info(trans.__('Your key is locked.'), {
            autoClose: 3000
          });
        } catch (error) {
          await showErrorMessage(
            trans.__('The key cannot be locked'),
            error as Error
          );
        }
      }
    });

    server.changed.connect(() => {
      commands.notifyCommandChanged(UNLOCK);
      commands.notifyCommandChanged(LOCK);
    });
    for (const command of [UNLOCK, LOCK]) {
      palette?.addItem({ command, category });
    }
  }
};

async function unlock(
  app: JupyterFrontEnd,
  server: IServerState & IKeyServer,
  trans: TranslationBundle
): Promise<boolean> {
  const state = server.status?.key.state;
  if (state === 'unlocked') {
    return true;
  }
  if (state === 'none') {
    const answer = await showDialog({
      title: trans.__('There is no key here yet'),
      body: trans.__(
        'Sending a train and opening results take a key of your own. Make one, or bring one ' +
          'back from a backup, in the Keys panel.'
      ),
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.okButton({ label: trans.__('Open the Keys panel') })
      ]
    });
    if (answer.button.accept) {
      await app.commands.execute(OPEN_KEYS);
    }
    return false;
  }
  try {
    const { showPassphraseDialog } = await lazyImport(import('./unlockDialog'));
    return await showPassphraseDialog(server, trans);
  } catch (error) {
    await showErrorMessage(
      trans.__('The key cannot be unlocked now'),
      error as Error
    );
    return false;
  }
}
