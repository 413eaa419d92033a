/**
 * Navigation to a cell of a notebook: from findings, from errors of a journey, and from widgets in
 * notebooks, which dispatch a window event.
 */
import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import {
  INotebookTracker,
  NotebookActions,
  NotebookPanel
} from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { OPEN_CELL } from '../commands';
import { parseJourneyId } from '../journeys/identifier';
import { truncateMiddle } from '../text/untrusted';
import { IPhtServer } from '../tokens';
import { ICellAddress, parseCellAddress } from './cellAddress';

/** How long a notice stays. */
const SHOWN = 6000; // ms

export const openCellPlugin: JupyterFrontEndPlugin<void> = {
  id: 'phtlab:open-cell',
  description: 'Goes to a cell of a notebook.',
  autoStart: true,
  requires: [INotebookTracker, IDocumentManager],
  optional: [IPhtServer, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    documents: IDocumentManager,
    server: IPhtServer | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('phtlab');

    app.commands.addCommand(OPEN_CELL, {
      label: trans.__('Go to a Cell of a Notebook'),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            notebook: { type: 'string', description: 'Path of the notebook' },
            cell: { type: 'integer', minimum: 1 },
            line: { type: 'integer', minimum: 1 }
          },
          required: ['cell']
        }
      },
      execute: async args => {
        const address = parseCellAddress(args);
        if (address === null) {
          return;
        }
        const panel = openNotebook(address, tracker, documents);
        if (!panel) {
          Notification.warning(
            address.notebook
              ? trans.__(
                  'There is no notebook %1 here.',
                  truncateMiddle(address.notebook, 60)
                )
              : trans.__('No notebook is open.'),
            { autoClose: SHOWN }
          );
          return;
        }
        app.shell.activateById(panel.id);
        await panel.context.ready;
        await panel.revealed;
        if (address.cell > panel.content.widgets.length) {
          Notification.warning(
            trans.__(
              'The notebook has no cell %1 any more: it was changed since.',
              address.cell
            ),
            { autoClose: SHOWN }
          );
          return;
        }
        await selectCell(panel, address);
      }
    });

    window.addEventListener('phtlab:open-cell', event => {
      const { detail } = event as CustomEvent<unknown>;
      const address = parseCellAddress(detail);
      if (address) {
        // Tells the sender that somebody took it on.
        event.preventDefault();
        const id = parseJourneyId(detail);
        const sent = server?.journeys.find(journey => journey.id === id);
        void app.commands.execute(OPEN_CELL, {
          ...(sent?.notebook ? { notebook: sent.notebook } : {}),
          ...address
        });
      }
    });
  }
};

function openNotebook(
  address: ICellAddress,
  tracker: INotebookTracker,
  documents: IDocumentManager
): NotebookPanel | null {
  if (address.notebook === undefined) {
    return tracker.currentWidget;
  }
  const widget = documents.openOrReveal(address.notebook, 'Notebook');
  return widget instanceof NotebookPanel ? widget : null;
}

async function selectCell(
  panel: NotebookPanel,
  { cell, line }: ICellAddress
): Promise<void> {
  const notebook = panel.content;
  notebook.deselectAll();
  notebook.activeCellIndex = cell - 1;
  const active = notebook.activeCell;
  if (active === null) {
    return;
  }
  NotebookActions.expandParent(active, notebook);
  // Lab draws a long notebook's cells when it is idle, and cannot scroll to one that is not drawn.
  notebook.renderCellOutputs(cell - 1);
  await notebook.scrollToItem(cell - 1, 'smart');
  await active.ready;
  if (line !== undefined && active.editor) {
    const last = active.editor.lineCount - 1;
    active.editor.setCursorPosition({
      line: Math.min(line - 1, last),
      column: 0
    });
    notebook.mode = 'edit';
  } else {
    notebook.mode = 'command';
    notebook.activate();
  }
}
