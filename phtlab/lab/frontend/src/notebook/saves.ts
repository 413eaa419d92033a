/**
 * Saving documents, one save at a time: Lab takes two concurrent saves for a change by somebody
 * else and asks whether to overwrite it.
 */
import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { DocumentRegistry } from '@jupyterlab/docregistry';
import { DisposableDelegate, IDisposable } from '@lumino/disposable';

/** How long a save is waited for: of one that a person cancels, Lab tells no end. */
const SAVE_TIMEOUT = 10_000; // ms

const pendingSaves = new WeakMap<DocumentRegistry.Context, Promise<void>>();

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
export async function saveDocument(
  context: DocumentRegistry.Context
): Promise<void> {
  await pendingSaves.get(context);
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
      const patience = window.setTimeout(resolve, SAVE_TIMEOUT);
      end = () => {
        window.clearTimeout(patience);
        resolve();
      };
    }).then(() => {
      if (pendingSaves.get(context) === ended) {
        pendingSaves.delete(context);
      }
    });
    pendingSaves.set(context, ended);
  };
  context.saveState.connect(onSave);
  return new DisposableDelegate(() => {
    context.saveState.disconnect(onSave);
    end();
  });
}
