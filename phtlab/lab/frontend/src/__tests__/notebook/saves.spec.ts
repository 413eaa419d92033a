/** The plugin phtlab:saves: a save waits for the one before it, and not for ever. */
import { DocumentRegistry } from '@jupyterlab/docregistry';
import { Signal } from '@lumino/signaling';

import { followSaves, saveDocument } from '../../notebook/saves';

/** A document that is saved when the test says so. */
class Context {
  model = { dirty: true, readOnly: false };
  saved = 0;
  saveState = new Signal<this, DocumentRegistry.SaveState>(this);

  async save(): Promise<void> {
    this.saved += 1;
    this.model.dirty = false;
  }
}

function followed(): [Context, DocumentRegistry.Context] {
  const made = new Context();
  const context = made as unknown as DocumentRegistry.Context;
  followSaves(context);
  return [made, context];
}

describe('save', () => {
  it('saves what has changed, and nothing else', async () => {
    const [made, context] = followed();
    await saveDocument(context);
    await saveDocument(context);
    expect(made.saved).toBe(1);
    made.model = { dirty: true, readOnly: true };
    await saveDocument(context);
    expect(made.saved).toBe(1);
  });

  it.each(['completed', 'failed'] as const)(
    'waits for a save that goes on, until it has %s',
    async state => {
      const [made, context] = followed();
      made.saveState.emit('started');
      const saving = saveDocument(context);
      await Promise.resolve();
      expect(made.saved).toBe(0);
      made.model.dirty = state === 'failed';
      made.saveState.emit(state);
      await saving;
      expect(made.saved).toBe(state === 'failed' ? 1 : 0);
    }
  );

  it('does not wait for ever for a save that was cancelled', async () => {
    jest.useFakeTimers();
    const [made, context] = followed();
    made.saveState.emit('started');
    const saving = saveDocument(context);
    jest.runAllTimers();
    await saving;
    expect(made.saved).toBe(1);
    jest.useRealTimers();
  });

  it('goes on when the document is closed meanwhile', async () => {
    const made = new Context();
    const context = made as unknown as DocumentRegistry.Context;
    const follower = followSaves(context);
    made.saveState.emit('started');
    const saving = saveDocument(context);
    follower.dispose();
    await saving;
    expect(made.saved).toBe(1);
  });
});
