/**
 * Results as a plugin: a page in the main area for each journey.
 */
import {
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  InputDialog,
  MainAreaWidget,
  Notification,
  WidgetTracker,
  showErrorMessage
} from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import {
  ITranslator,
  TranslationBundle,
  nullTranslator
} from '@jupyterlab/translation';

import {
  OPEN_CELL,
  OPEN_KEYS,
  OPEN_RESULTS,
  RESUME,
  UNLOCK
} from '../commands';
import { resultsIcon } from '../components/icons';
import { MainAreaPages } from '../components/mainAreaPages';
import { parseJourneyId } from '../journeys/identifier';
import { saveDocument } from '../notebook/saves';
import { IJourney } from '../server/api';
import { IJourneyServer } from '../server/interfaces';
import { lazyImport } from '../server/lazyImport';
import { IPhtServer } from '../tokens';
import { exportFolder } from './exportFolder';
import type { IResultsActions } from './panel';

/** What the id of a page begins with; the journey's own follows. */
const PAGE = 'phtlab-results-';

function journeyOf(page: MainAreaWidget): string {
  return page.id.slice(PAGE.length);
}

export const resultsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'phtlab:results',
  description: 'Shows what came back of a journey, after verifying it.',
  autoStart: true,
  requires: [IPhtServer, IDocumentManager],
  optional: [ILayoutRestorer, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    server: IPhtServer,
    documents: IDocumentManager,
    restorer: ILayoutRestorer | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('phtlab');
    const { commands, shell } = app;
    const tracker = new WidgetTracker<MainAreaWidget>({
      namespace: 'phtlab-results'
    });
    const pages = new MainAreaPages(shell, tracker);
    const actions = actionsOf(app, server, documents, trans);

    const make = async (
      journey: string,
      ask: boolean
    ): Promise<MainAreaWidget> => {
      const { ResultsPanel } = await lazyImport(import('./panel'));
      const content = new ResultsPanel({
        trans,
        server,
        journey,
        ask,
        actions
      });
      const widget = new MainAreaWidget({ content });
      widget.toolbar.hide();
      widget.id = PAGE + journey;
      widget.title.icon = resultsIcon;
      widget.title.closable = true;
      widget.title.label = trans.__('Results');
      const onChanged = () => {
        const known = server.journeys.find(
          candidate => candidate.id === journey
        );
        if (known) {
          widget.title.label = trans.__('Results %1', known.short.slice(0, 6));
          widget.title.caption = trans.__(
            'Results of journey %1, sent %2',
            known.short,
            new Date(known.submitted).toLocaleString()
          );
        }
      };
      onChanged();
      server.changed.connect(onChanged);
      widget.disposed.connect(() => {
        server.changed.disconnect(onChanged);
      });
      return widget;
    };

    commands.addCommand(OPEN_RESULTS, {
      label: trans.__('Open Results'),
      caption: trans.__('Verify and open what came back of a journey'),
      icon: resultsIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            journey: {
              type: 'string',
              description: trans.__("The journey's id, sha256:…")
            },
            restored: {
              type: 'boolean',
              description: trans.__('Whether Lab opens it, and not a person')
            }
          },
          required: ['journey']
        }
      },
      execute: async args => {
        const id = parseJourneyId(args);
        if (id === null) {
          return;
        }
        try {
          await pages.show(PAGE + id, () => make(id, !args.restored));
        } catch (error) {
          await showErrorMessage(
            trans.__('The results cannot be opened'),
            error as Error
          );
        }
      }
    });

    // The widgets of journeys in notebooks ask by an event of the window.
    window.addEventListener(OPEN_RESULTS, event => {
      const id = parseJourneyId((event as CustomEvent<unknown>).detail);
      if (id !== null) {
        // Tells the sender that somebody took it on.
        event.preventDefault();
        void commands.execute(OPEN_RESULTS, { journey: id });
      }
    });

    if (restorer) {
      void restorer.restore(tracker, {
        command: OPEN_RESULTS,
        args: widget => ({ journey: journeyOf(widget), restored: true }),
        name: journeyOf
      });
    }
  }
};

function actionsOf(
  app: JupyterFrontEnd,
  server: IJourneyServer,
  documents: IDocumentManager,
  trans: TranslationBundle
): IResultsActions {
  const { commands } = app;
  const unlock = () => commands.execute(UNLOCK) as Promise<boolean>;
  /** What a button does, with the key open, its refusal in a dialog. */
  const guarded = async (title: string, act: () => Promise<void>) => {
    try {
      if (await unlock()) {
        await act();
      }
    } catch (error) {
      await showErrorMessage(title, error as Error);
    }
  };
  const openNotebook = async (journey: IJourney, notebook: string | null) => {
    await guarded(trans.__('The notebook cannot be made'), async () => {
      const open =
        notebook === null ? undefined : documents.findWidget(notebook);
      const context = open && documents.contextForWidget(open);
      // The server fills the file: what is in the editor goes there first, and comes from there.
      if (context) {
        await saveDocument(context);
      }
      const path = await server.aggregate(journey.id, notebook);
      if (context && context.localPath === path) {
        await context.revert();
      }
      await commands.execute('docmanager:open', { path, factory: 'Notebook' });
    });
  };
  return {
    unlock,
    openKeys: () => void commands.execute(OPEN_KEYS),
    aggregate: journey => openNotebook(journey, journey.notebook),
    explore: journey => openNotebook(journey, null),
    resume: ({ id }) => void commands.execute(RESUME, { journey: id }),
    exportTo: async journey => {
      const folder = journey.notebook ? PathExt.dirname(journey.notebook) : '';
      const answer = await InputDialog.getText({
        title: trans.__('Export the results'),
        label: trans.__(
          'Folder, below the one that the file browser starts in'
        ),
        text: PathExt.join(folder, exportFolder(journey)),
        okLabel: trans.__('Export')
      });
      const exportPath = answer.value?.trim();
      if (!answer.button.accept || !exportPath) {
        return;
      }
      await guarded(trans.__('The results cannot be exported'), async () => {
        const path = await server.exportResults(journey.id, exportPath);
        Notification.success(trans.__('Exported to %1', path), {
          autoClose: 8000,
          actions: [
            {
              label: trans.__('Show the folder'),
              callback: () =>
                void commands.execute('filebrowser:open-path', { path })
            }
          ]
        });
      });
    },
    openCell: (journey, error) => {
      void commands.execute(OPEN_CELL, {
        cell: error.cell,
        ...(journey.notebook ? { notebook: journey.notebook } : {}),
        ...(error.line !== null ? { line: error.line } : {})
      });
    }
  };
}
