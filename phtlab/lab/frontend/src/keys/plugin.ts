/**
 * The Keys panel as a plugin: command, palette, and page in the main area.
 */
import {
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  ICommandPalette,
  MainAreaWidget,
  WidgetTracker,
  showErrorMessage
} from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { LOCK, OPEN_KEYS, UNLOCK } from '../commands';
import { keyIcon } from '../components/icons';
import { MainAreaPages } from '../components/mainAreaPages';
import { lazyImport } from '../server/lazyImport';
import { IPhtServer } from '../tokens';

const PAGE = 'phtlab-keys';

export const keysPlugin: JupyterFrontEndPlugin<void> = {
  id: 'phtlab:keys',
  description: 'Make, restore, back up, change and revoke the key.',
  autoStart: true,
  requires: [IPhtServer],
  optional: [ICommandPalette, ILayoutRestorer, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    server: IPhtServer,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('phtlab');
    const { commands, shell } = app;
    const tracker = new WidgetTracker<MainAreaWidget>({
      namespace: 'phtlab-keys'
    });
    const make = async (): Promise<MainAreaWidget> => {
      const { KeysPanel } = await lazyImport(import('./panel'));
      const widget = new MainAreaWidget({
        content: new KeysPanel({
          trans,
          server,
          unlock: () => commands.execute(UNLOCK) as Promise<boolean>,
          lock: () => void commands.execute(LOCK)
        })
      });
      widget.toolbar.hide();
      widget.id = PAGE;
      widget.title.label = trans.__('Keys');
      widget.title.caption = trans.__('Keys for federated analysis');
      widget.title.icon = keyIcon;
      widget.title.closable = true;
      return widget;
    };
    const pages = new MainAreaPages(shell, tracker);

    commands.addCommand(OPEN_KEYS, {
      label: trans.__('Keys'),
      caption: trans.__('Make, back up, change or revoke your key'),
      icon: keyIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: async () => {
        try {
          await pages.show(PAGE, make);
        } catch (error) {
          await showErrorMessage(
            trans.__('The Keys panel cannot be opened'),
            error as Error
          );
        }
      }
    });
    palette?.addItem({
      command: OPEN_KEYS,
      category: trans.__('Federated analysis')
    });
    if (restorer) {
      void restorer.restore(tracker, {
        command: OPEN_KEYS,
        name: () => 'keys'
      });
    }
  }
};
