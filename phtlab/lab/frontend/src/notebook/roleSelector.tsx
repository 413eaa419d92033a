/**
 * Cell roles in a notebook: a selector in the cell's toolbar, commands, and at each code cell its
 * role as a coloured edge and a word.
 */
import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, IToolbarWidgetRegistry } from '@jupyterlab/apputils';
import { Cell } from '@jupyterlab/cells';
import {
  INotebookTracker,
  Notebook,
  NotebookPanel
} from '@jupyterlab/notebook';
import {
  ITranslator,
  TranslationBundle,
  nullTranslator
} from '@jupyterlab/translation';
import { HTMLSelect, ReactWidget } from '@jupyterlab/ui-components';
import { Widget } from '@lumino/widgets';
import * as React from 'react';

import { ICellRoles } from '../tokens';
import { NotebookCells, roleOf } from './cells';
import { ROLES, Role, tagsWithRole } from '../roleTags';

/** A role as people read it. Its word is also the tag, so it is the same in every language. */
function roleDescription(role: Role, trans: TranslationBundle): string {
  switch (role) {
    case 'parameters':
      return trans.__('Declares what is set anew for each journey');
    case 'station':
      return trans.__('Runs at each station, on its data; here on the twin');
    case 'round':
      return trans.__('Runs at each station, again in each round');
    case 'combine':
      return trans.__(
        'Runs here between two rounds, on what the stations published; travels to be read'
      );
    case 'aggregate':
      return trans.__('Runs here, on what the stations published');
    case 'local':
      return trans.__('Runs here and never leaves');
  }
}

/**
 * The code cells that a command is for: those selected, and the active one. From a context menu
 * it is the cell below the pointer, with those selected if it is one of them.
 */
function targetCells(notebook: Notebook, pointed?: Element): Cell[] {
  const below = notebook.widgets.find(cell => cell.node === pointed);
  const cells =
    below && !notebook.isSelectedOrActive(below)
      ? [below]
      : notebook.widgets.filter(cell => notebook.isSelectedOrActive(cell));
  return cells.filter(cell => cell.model.type === 'code');
}

class CellRoles implements ICellRoles {
  roleAt(panel: NotebookPanel, index: number): Role | null {
    const model = panel.content.model?.cells.get(index);
    return model ? roleOf(model) : null;
  }

  setRole(panel: NotebookPanel, role: Role): void {
    this.setRoleOf(panel, role, targetCells(panel.content));
  }

  setRoleOf(panel: NotebookPanel, role: Role, cells: readonly Cell[]): void {
    // Through the notebook: Lab's own undo of cell operations takes it back.
    panel.content.model?.sharedModel.transact(() => {
      for (const { model } of cells) {
        const tags = model.getMetadata('tags');
        const made = tagsWithRole(tags, role);
        if (made === tags) {
          continue;
        }
        if (made === undefined) {
          model.deleteMetadata('tags');
        } else {
          model.setMetadata('tags', made);
        }
      }
    });
  }
}

/** Shows each cell's role at the cell. Attributes, so that cells not yet drawn have them too. */
class RoleEdges {
  constructor(
    private readonly _cells: NotebookCells,
    private readonly _trans: TranslationBundle
  ) {
    _cells.changed.connect(this._draw, this);
  }

  private _draw(): void {
    const { panel, hasRoles } = this._cells;
    panel.content.toggleClass('pht-mod-roles', hasRoles);
    for (const cell of panel.content.widgets) {
      const role = hasRoles ? roleOf(cell.model) : null;
      if (role === null) {
        delete cell.node.dataset.phtRole;
        delete cell.node.dataset.phtRoleWord;
        cell.node.removeAttribute('aria-description');
      } else if (cell.node.dataset.phtRole !== role) {
        cell.node.dataset.phtRole = role;
        const word = roleLabel(role, this._trans);
        cell.node.dataset.phtRoleWord = word;
        cell.node.setAttribute(
          'aria-description',
          this._trans.__('%1: %2', word, roleDescription(role, this._trans))
        );
      }
    }
  }
}

function roleLabel(role: Role, trans: TranslationBundle): string {
  switch (role) {
    case 'parameters':
      return trans.__('parameters');
    case 'station':
      return trans.__('station');
    case 'round':
      return trans.__('round');
    case 'combine':
      return trans.__('combine');
    case 'aggregate':
      return trans.__('aggregate');
    case 'local':
      return trans.__('local');
  }
}

/** The selector in a code cell's toolbar. */
class RoleSelector extends ReactWidget {
  constructor(
    private readonly _cell: Cell,
    private readonly _choose: (role: Role) => void,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('pht-RoleSelector');
    _cell.model.metadataChanged.connect(this.update, this);
  }

  render(): JSX.Element {
    const trans = this._trans;
    const role = (this._cell.model && roleOf(this._cell.model)) ?? 'local';
    return (
      <HTMLSelect
        className="pht-RoleSelector-select"
        // The letters that choose an option are not the notebook's commands.
        data-lm-suppress-shortcuts="true"
        value={role}
        aria-label={trans.__('Where the cell runs')}
        title={trans.__(
          'Where the cell runs. %1: %2',
          role,
          roleDescription(role, trans)
        )}
        onChange={event => this._choose(event.target.value as Role)}
      >
        {MENU_ROLES.map(choice => (
          <option
            key={choice}
            value={choice}
            title={roleDescription(choice, trans)}
          >
            {roleLabel(choice, trans)}
          </option>
        ))}
      </HTMLSelect>
    );
  }
}

/** In the order in which an analysis uses them. */
const MENU_ROLES: readonly Role[] = [
  'local',
  ...ROLES.filter(role => role !== 'local')
];

export const cellRolesPlugin: JupyterFrontEndPlugin<ICellRoles> = {
  id: 'phtlab:cell-roles',
  description: 'Shows and sets where each cell of a notebook runs.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ITranslator, IToolbarWidgetRegistry, ICommandPalette],
  provides: ICellRoles,
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    translator: ITranslator | null,
    toolbars: IToolbarWidgetRegistry | null,
    palette: ICommandPalette | null
  ): ICellRoles => {
    const trans = (translator ?? nullTranslator).load('phtlab');
    const roles = new CellRoles();

    const current = () => {
      const panel = tracker.currentWidget;
      return panel && panel === app.shell.currentWidget ? panel : null;
    };
    const cellsOf = (panel: NotebookPanel, args: { isMenu?: unknown }) =>
      targetCells(
        panel.content,
        args.isMenu
          ? app.contextMenuHitTest(node => node.classList.contains('jp-Cell'))
          : undefined
      );
    const labels: { [role in Role]: string } = {
      local: trans.__('Cell Role: Local'),
      parameters: trans.__('Cell Role: Parameters'),
      station: trans.__('Cell Role: Station'),
      round: trans.__('Cell Role: Round'),
      combine: trans.__('Cell Role: Combine'),
      aggregate: trans.__('Cell Role: Aggregate')
    };
    for (const role of MENU_ROLES) {
      const command = `phtlab:set-role-${role}`;
      app.commands.addCommand(command, {
        label: args => (args.isMenu ? roleLabel(role, trans) : labels[role]),
        caption: roleDescription(role, trans),
        describedBy: {
          args: {
            type: 'object',
            properties: {
              isMenu: {
                type: 'boolean',
                description: trans.__('Whether it stands in a menu of roles')
              }
            }
          }
        },
        isEnabled: args => {
          const panel = current();
          return panel !== null && cellsOf(panel, args).length > 0;
        },
        isToggleable: true,
        isToggled: args => {
          const panel = current();
          const cells = panel ? cellsOf(panel, args) : [];
          return (
            cells.length > 0 && cells.every(cell => roleOf(cell.model) === role)
          );
        },
        execute: args => {
          const panel = current();
          if (panel) {
            roles.setRoleOf(panel, role, cellsOf(panel, args));
          }
        }
      });
      palette?.addItem({
        command,
        category: trans.__('Federated analysis')
      });
    }

    tracker.widgetAdded.connect((_, panel) => {
      const cells = new NotebookCells(panel);
      new RoleEdges(cells, trans);
      cells.changed.connect(() => {
        for (const role of ROLES) {
          app.commands.notifyCommandChanged(`phtlab:set-role-${role}`);
        }
      });
    });

    toolbars?.addFactory<Cell>('Cell', 'phtlab-role', cell => {
      if (cell.model.type !== 'code') {
        const nothing = new Widget();
        nothing.hide();
        return nothing;
      }
      return new RoleSelector(
        cell,
        role => {
          const panel = tracker.find(candidate =>
            candidate.content.widgets.includes(cell)
          );
          if (panel) {
            roles.setRole(panel, role);
            panel.content.activate();
          }
        },
        trans
      );
    });
    return roles;
  }
};
