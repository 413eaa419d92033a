/**
 * Pages in Lab's main area, each created when it is first opened.
 */
import { JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';

export class MainAreaPages {
  constructor(
    private readonly _shell: JupyterFrontEnd.IShell,
    private readonly _tracker: WidgetTracker<MainAreaWidget>
  ) {}

  /** Show the page of that id, made by `make` if it is not there. Throws what `make` throws. */
  async show(id: string, make: () => Promise<MainAreaWidget>): Promise<void> {
    const page =
      this._tracker.find(widget => widget.id === id) ??
      (await this._makeOnce(id, make));
    if (!this._tracker.has(page)) {
      await this._tracker.add(page);
    }
    if (!page.isAttached) {
      this._shell.add(page, 'main');
    }
    this._shell.activateById(page.id);
  }

  /** Two who ask before the page is there get one. */
  private _makeOnce(
    id: string,
    make: () => Promise<MainAreaWidget>
  ): Promise<MainAreaWidget> {
    let made = this._pending.get(id);
    if (!made) {
      made = make().finally(() => this._pending.delete(id));
      this._pending.set(id, made);
    }
    return made;
  }

  private readonly _pending = new Map<string, Promise<MainAreaWidget>>();
}
