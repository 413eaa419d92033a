/**
 * What plugins provide to each other: an interface and its token each.
 */
import { ICellModel } from '@jupyterlab/cells';
import { NotebookPanel } from '@jupyterlab/notebook';
import { Token } from '@lumino/coreutils';
import { ISignal } from '@lumino/signaling';

import { Role } from './roleTags';
import { ICheck, IFinding, IProblem, IParameterValues } from './server/api';

export { IPhtServer } from './server/interfaces';

export interface ICellRoles {
  /** The role of the cell at `index`; null for a cell that can have none. */
  roleAt(panel: NotebookPanel, index: number): Role | null;
  /** Give the notebook's selected code cells that role. Undone as one. */
  setRole(panel: NotebookPanel, role: Role): void;
}

export const ICellRoles = new Token<ICellRoles>(
  'phtlab:ICellRoles',
  'Where the cells of a notebook run.'
);

export interface INotebookChecks {
  /** The last check of that notebook; null before the first. */
  checkOf(panel: NotebookPanel): ICheck | null;
  /** What the last check says of that cell, wherever it stands now. */
  findingsOf(panel: NotebookPanel, cell: ICellModel): readonly IFinding[];
  /** Whether that cell still has the text that the last check was made of. */
  isChecked(panel: NotebookPanel, cell: ICellModel): boolean;
  /** Why the notebook as it stands could not be checked; null if it could. */
  problemOf(panel: NotebookPanel): IProblem | null;
  /** What one of the above gives for that notebook is another thing now. */
  readonly changed: ISignal<INotebookChecks, NotebookPanel>;
}

export const INotebookChecks = new Token<INotebookChecks>(
  'phtlab:INotebookChecks',
  'What the checks say of the open notebooks.'
);

export interface ITrainPanel {
  /** The notebook that is worked on; null if none is open. */
  readonly notebook: NotebookPanel | null;
  /** The last check of it; null before the first. */
  readonly check: ICheck | null;
  readonly changed: ISignal<ITrainPanel, void>;
  /** The values in the form of the notebook at `path`; those not set have their defaults. */
  values(path: string): IParameterValues;
  /** `valid` is whether the notebook takes them. */
  setValues(path: string, values: IParameterValues, valid: boolean): void;
  isValid(path: string): boolean;
  /** What the last request from the panel met; shown where the buttons are. */
  problem: IProblem | null;
  /** What is under way: the buttons wait. */
  busy: string | null;
  isOpen(section: string): boolean;
  setOpen(section: string, open: boolean): void;
  isExpanded(journey: string): boolean;
  setExpanded(journey: string, expanded: boolean): void;
  /** Expand a journey, alone, and bring the panel to the front. */
  showJourney(journey: string): void;
  /** Bring the panel to the front. */
  activate(): void;
  /** The panel comes to the front: for a journey, or null. Whoever writes elsewhere writes on. */
  readonly activateRequested: ISignal<ITrainPanel, string | null>;
}

export const ITrainPanel = new Token<ITrainPanel>(
  'phtlab:ITrainPanel',
  'The Train panel: the current notebook, its parameters, and what is shown.'
);
