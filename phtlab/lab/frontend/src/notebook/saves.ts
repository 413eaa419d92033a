/**
 * Saving what is shown, one save at a time: to Lab, two at once look like a change by somebody else,
 * and it asks whether to overwrite that.
 */
import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { DocumentRegistry } from '@jupyterlab/docregistry';
import { DisposableDelegate, IDisposable } from '@lumino/disposable';

/** How long a save is waited for: of one that a person cancels, Lab tells no end. */
const PATIENCE = 10_000; // ms

const going = new WeakMap<DocumentRegistry.Context, Promise<void>>();

export const savesPlugin: JupyterFrontEndPlugin<void> = {
  id: 'phtlab:saves',
  description: 'Knows which documents are being saved.',
  autoStart: true,
  activate: (app: JupyterFrontEnd) => {
    for (const factory of ['Notebook', 'Editor']) {
      app.docRegistry.addWidgetExtension(factory, {
        createNew: (_, context) => followSaves(context)
      });
    }
  }
};

/** Save the document if it has changed, once a save that goes on is over. */
export async function save(context: DocumentRegistry.Context): Promise<void> {
  await going.get(context);
  if (context.model.dirty && !context.model.readOnly) {
    await context.save();
  }
}

/** Note the saves of a document, until what it returns is disposed. */
export function followSaves(context: DocumentRegistry.Context): IDisposable {
  let end = () => {};
  const onSave = (_: unknown, state: DocumentRegistry.SaveState) => {
    end();
    if (state !== 'started') {
      return;
    }
    const ended = new Promise<void>(resolve => {
      const patience = window.setTimeout(resolve, PATIENCE);
      end = () => {
        window.clearTimeout(patience);
        resolve();
      };
    }).then(() => {
      if (going.get(context) === ended) {
        going.delete(context);
      }
    });
    going.set(context, ended);
  };
  context.saveState.connect(onSave);
  return new DisposableDelegate(() => {
    context.saveState.disconnect(onSave);
    end();
  });
}
