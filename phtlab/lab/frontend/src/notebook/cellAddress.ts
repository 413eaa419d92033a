/**
 * The address of a cell in commands and events: notebook, cell and line.
 */

/** What the command and the event's `detail` say. */
export interface ICellAddress {
  /** Path of the notebook; the current one if it is not there. */
  notebook?: string;
  /** From 1. */
  cell: number;
  /** Line in the cell, from 1. */
  line?: number;
}

/** An address out of what anybody may have sent; null if it is none. */
export function parseCellAddress(detail: unknown): ICellAddress | null {
  if (typeof detail !== 'object' || detail === null) {
    return null;
  }
  const { notebook, cell, line } = detail as { [name: string]: unknown };
  if (!Number.isInteger(cell) || (cell as number) < 1) {
    return null;
  }
  // Only notebooks: an event is no way to open any other file.
  if (typeof notebook === 'string' && !notebook.endsWith('.ipynb')) {
    return null;
  }
  return {
    cell: cell as number,
    ...(typeof notebook === 'string' ? { notebook } : {}),
    ...(Number.isInteger(line) && (line as number) > 0
      ? { line: line as number }
      : {})
  };
}
