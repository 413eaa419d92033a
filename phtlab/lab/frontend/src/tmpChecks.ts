/** Stand-in until the checks plugin lands. */
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { Signal } from '@lumino/signaling';
import { ICheck } from './api';
import { IPhtServer } from './server';

export class NotebookChecks {
  constructor(server: IPhtServer, tracker: INotebookTracker) {
    tracker.widgetAdded.connect((_, panel) => {
      let timer = 0;
      const run = async () => {
        try {
          this._known.set(
            panel,
            await server.check(panel.title.label, panel.content.model!.toJSON())
          );
        } catch {
          return;
        }
        this.changed.emit();
      };
      void panel.revealed.then(() => {
        void run();
        panel.content.model!.contentChanged.connect(() => {
          window.clearTimeout(timer);
          timer = window.setTimeout(run, 800);
        });
      });
    });
  }
  checkOf(panel: NotebookPanel): ICheck | null {
    return this._known.get(panel) ?? null;
  }
  readonly changed = new Signal<this, void>(this);
  private _known = new WeakMap<NotebookPanel, ICheck>();
}
