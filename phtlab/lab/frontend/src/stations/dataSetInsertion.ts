/**
 * Writing the line that reads a data set into a notebook.
 */
import { NotebookActions, NotebookPanel } from '@jupyterlab/notebook';

import { dataSetCode } from './description';

/** Into the active cell if that is empty, else into a new one below it, which travels. */
export function insertDataSet(
  panel: NotebookPanel,
  dataset: string,
  language: string
): void {
  const line = dataSetCode(dataset, language);
  if (line === null) {
    return;
  }
  const notebook = panel.content;
  const active = notebook.activeCell?.model;
  if (active?.type !== 'code' || active.sharedModel.getSource().trim()) {
    NotebookActions.insertBelow(notebook);
  }
  const cell = notebook.activeCell?.model;
  if (!cell) {
    return;
  }
  const known = notebook.widgets.some(widget =>
    /^\s*(import|from) phtlab\b/m.test(widget.model.sharedModel.getSource())
  );
  const isPython = language.toLowerCase() !== 'r';
  cell.sharedModel.setSource(
    isPython && !known ? `import phtlab\n\n${line}` : line
  );
  const tags = cell.getMetadata('tags');
  if (!Array.isArray(tags) || tags.length === 0) {
    cell.setMetadata('tags', ['station']);
  }
  notebook.mode = 'edit';
}
