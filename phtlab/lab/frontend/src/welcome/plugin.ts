/**
 * Commands and launcher items for the tutorial and a new analysis.
 */
import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, showErrorMessage } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { Contents } from '@jupyterlab/services';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { NEW_ANALYSIS, OPEN_TUTORIAL } from '../commands';
import { newAnalysisIcon, routeIcon } from '../components/icons';
import { IPhtServer } from '../tokens';
import { analysisCells, suggestDataSet, toNotebook } from './analysisTemplate';

/** How often another name is tried. */
const NAMES = 100;

export const welcomePlugin: JupyterFrontEndPlugin<void> = {
  id: 'phtlab:welcome',
  description: 'The tutorial and a new federated analysis, in the launcher.',
  autoStart: true,
  requires: [IPhtServer],
  optional: [ILauncher, ICommandPalette, IDefaultFileBrowser, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    server: IPhtServer,
    launcher: ILauncher | null,
    palette: ICommandPalette | null,
    browser: IDefaultFileBrowser | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('phtlab');
    const category = trans.__('Federated analysis');
    const { commands } = app;

    commands.addCommand(OPEN_TUTORIAL, {
      describedBy: {
        args: {
          type: 'object',
          properties: {
            isPalette: {
              type: 'boolean',
              description: trans.__('Whether the label is for the palette')
            }
          }
        }
      },
      label: args =>
        args.isPalette
          ? trans.__('Open the Tutorial')
          : trans.__('Federated analysis tutorial'),
      caption: trans.__('Copy the tutorial into your folder and open it'),
      icon: routeIcon,
      execute: async () => {
        try {
          const path = await server.tutorial();
          return await commands.execute('docmanager:open', { path });
        } catch (error) {
          await showErrorMessage(
            trans.__('The tutorial cannot be opened'),
            error as Error
          );
        }
      }
    });

    commands.addCommand(NEW_ANALYSIS, {
      describedBy: {
        args: {
          type: 'object',
          properties: {
            cwd: {
              type: 'string',
              description: trans.__('The folder to make the notebook in')
            },
            isPalette: {
              type: 'boolean',
              description: trans.__('Whether the label is for the palette')
            }
          }
        }
      },
      label: args =>
        args.isPalette
          ? trans.__('New Federated Analysis')
          : trans.__('New federated analysis'),
      caption: trans.__(
        'A notebook with one cell for each role, ready to be tried and sent'
      ),
      icon: newAnalysisIcon,
      execute: async args => {
        const folder =
          (args.cwd as string | undefined) ?? browser?.model.path ?? '';
        try {
          const content = toNotebook(
            analysisCells(suggestDataSet(server.stations))
          );
          const path = await saveNew(
            app.serviceManager.contents,
            folder,
            content
          );
          return await commands.execute('docmanager:open', {
            path,
            factory: 'Notebook'
          });
        } catch (error) {
          await showErrorMessage(
            trans.__('The notebook cannot be made'),
            error as Error
          );
        }
      }
    });

    for (const [rank, command] of [NEW_ANALYSIS, OPEN_TUTORIAL].entries()) {
      launcher?.add({ command, category, rank });
      palette?.addItem({ command, category, args: { isPalette: true } });
    }
  }
};

/** Save `content` as a notebook of a new name in `folder`; gives its path. */
async function saveNew(
  contents: Contents.IManager,
  folder: string,
  content: object
): Promise<string> {
  const made = await contents.newUntitled({ path: folder, type: 'notebook' });
  await contents.save(made.path, {
    type: 'notebook',
    format: 'json',
    content
  });
  // A rename never overwrites: what has the name already keeps it.
  for (let number = 1; number <= NAMES; number++) {
    const name = number === 1 ? 'analysis.ipynb' : `analysis-${number}.ipynb`;
    try {
      const renamed = await contents.rename(
        made.path,
        PathExt.join(PathExt.dirname(made.path), name)
      );
      return renamed.path;
    } catch {
      // Taken; the next one.
    }
  }
  return made.path;
}
