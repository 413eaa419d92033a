/**
 * Findings at the cells of a notebook: marks on their lines, as a linter's, messages below each
 * cell, and their number in the status bar.
 */
import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { Cell } from '@jupyterlab/cells';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { FIX_PROBLEM, NEXT_PROBLEM, OPEN_CELL, OPEN_TRAIN } from '../commands';
import { NotebookCells } from '../notebook/cells';
import { IFix } from '../server/api';
import { INotebookChecks } from '../tokens';
import { CellFindings, applyFix } from './cell';
import { IFindingPosition, nextPosition } from './diagnostics';
import { FindingsStatusItem } from './statusItem';

/** Where the findings of `panel` are now, in the order of its cells. */
function positionsOf(
  checks: INotebookChecks,
  panel: NotebookPanel
): IFindingPosition[] {
  return panel.content.widgets.flatMap(({ model }, cell) =>
    checks.findingsOf(panel, model).map(({ line }) => ({ cell, line }))
  );
}

export const findingsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'phtlab:findings',
  description: 'Shows what the checks find, at the cells of a notebook.',
  autoStart: true,
  requires: [INotebookChecks, INotebookTracker],
  optional: [ICommandPalette, IStatusBar, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    checks: INotebookChecks,
    tracker: INotebookTracker,
    palette: ICommandPalette | null,
    statusBar: IStatusBar | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('phtlab');

    app.commands.addCommand(NEXT_PROBLEM, {
      label: trans.__('Go to the Next Problem of the Notebook'),
      caption: trans.__('The next cell that cannot travel as it stands'),
      describedBy: { args: { type: 'object', properties: {} } },
      execute: async () => {
        const panel = tracker.currentWidget;
        if (!panel) {
          return;
        }
        const places = positionsOf(checks, panel);
        const next = nextPosition(places, panel.content.activeCellIndex);
        // What is said of the whole notebook stands in the Train panel.
        await (next === null
          ? app.commands.execute(OPEN_TRAIN)
          : app.commands.execute(OPEN_CELL, {
              cell: next.cell + 1,
              ...(next.line === null ? {} : { line: next.line })
            }));
      }
    });
    palette?.addItem({
      command: NEXT_PROBLEM,
      category: trans.__('Federated analysis')
    });

    // An answer to what the cell said before changes nothing: a new one comes at once.
    const fixCell = (panel: NotebookPanel, cell: Cell, fix: IFix) => {
      if (checks.isChecked(panel, cell.model) && applyFix(cell, fix)) {
        panel.content.activeCellIndex = panel.content.widgets.indexOf(cell);
        panel.content.mode = 'edit';
      }
    };
    app.commands.addCommand(FIX_PROBLEM, {
      label: trans.__('Declare What a Problem of This Cell Asks For'),
      caption: trans.__('Write into the cell what its first problem lacks'),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            cell: { type: 'integer', minimum: 1 },
            title: { type: 'string', description: 'Name of the change' }
          }
        }
      },
      execute: async args => {
        const panel = tracker.currentWidget;
        if (!panel) {
          return;
        }
        const number = Number(args.cell ?? panel.content.activeCellIndex + 1);
        const cell = panel.content.widgets[number - 1];
        const finding =
          cell &&
          checks
            .findingsOf(panel, cell.model)
            .find(({ fix }) => fix && fix.title === (args.title ?? fix.title));
        if (finding?.fix) {
          await app.commands.execute(OPEN_CELL, { cell: number });
          fixCell(panel, cell, finding.fix);
        }
      }
    });
    palette?.addItem({
      command: FIX_PROBLEM,
      category: trans.__('Federated analysis')
    });

    const goTo = (panel: NotebookPanel, cell: Cell, line: number) => {
      const index = panel.content.widgets.indexOf(cell);
      void app.commands.execute(OPEN_CELL, { cell: index + 1, line });
    };
    tracker.widgetAdded.connect((_, panel) => {
      const displays = new WeakMap<Cell, CellFindings>();
      const draw = () => {
        for (const cell of panel.content.widgets) {
          const findings = checks.findingsOf(panel, cell.model);
          let view = displays.get(cell);
          if (!view && findings.length > 0) {
            view = new CellFindings(
              cell,
              line => goTo(panel, cell, line),
              fix => fixCell(panel, cell, fix),
              trans
            );
            displays.set(cell, view);
          }
          view?.show(findings);
        }
      };
      const onChecked = (_: INotebookChecks, checked: NotebookPanel) => {
        if (checked === panel) {
          draw();
        }
      };
      checks.changed.connect(onChecked);
      // A cell that was moved is another widget.
      const cells = new NotebookCells(panel);
      cells.changed.connect(draw);
      panel.disposed.connect(() => {
        checks.changed.disconnect(onChecked);
        cells.dispose();
      });
    });

    if (statusBar) {
      const item = new FindingsStatusItem(
        checks,
        tracker,
        () => void app.commands.execute(NEXT_PROBLEM),
        trans
      );
      statusBar.registerStatusItem('phtlab:findings', {
        item,
        align: 'left',
        rank: 21,
        isActive: () => item.isShown,
        activeStateChanged: item.changed
      });
    }
  }
};
