/**
 * Common steps of tasks that the Train panel starts on the current notebook.
 */
import { JupyterFrontEnd } from '@jupyterlab/application';
import { NotebookPanel } from '@jupyterlab/notebook';

import { UNLOCK } from '../commands';
import { ServerError } from '../server/errors';
import { IServerState } from '../server/interfaces';
import { ITrainPanel } from '../tokens';
import { saveDocument } from './saves';

export class NotebookTask {
  constructor(
    private readonly _app: JupyterFrontEnd,
    private readonly _server: IServerState,
    private readonly _model: ITrainPanel
  ) {}

  /** Run `task` on the current notebook; what goes wrong is said in the panel. */
  async run(
    busy: string,
    task: (panel: NotebookPanel) => Promise<void>
  ): Promise<void> {
    const panel = this._model.notebook;
    if (panel === null || this._model.busy !== null) {
      return;
    }
    this._model.problem = null;
    this._model.busy = busy;
    try {
      await task(panel);
    } catch (error) {
      this._model.problem =
        error instanceof ServerError
          ? error.problem
          : { code: 'unknown', message: (error as Error).message };
      this._model.activate();
    } finally {
      this._model.busy = null;
    }
  }

  /** Save what is shown: the file is what travels. */
  async save(panel: NotebookPanel): Promise<void> {
    await saveDocument(panel.context);
  }

  /** Whether the key is open now; asks for the passphrase if it is locked. */
  async unlocked(): Promise<boolean> {
    const state = this._server.status?.key.state;
    if (state === undefined || state === 'unlocked') {
      return true;
    }
    return (await this._app.commands.execute(UNLOCK)) === true;
  }

  /** As the server has it: without the drive that Lab puts before it. */
  path(panel: NotebookPanel): string {
    return this._app.serviceManager.contents.localPath(panel.context.path);
  }
}
