/**
 * Journeys in the outputs of notebooks: as the notebook has them, or as they are now if the server
 * knows more.
 */
import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IRenderMime, IRenderMimeRegistry } from '@jupyterlab/rendermime';
import {
  ITranslator,
  TranslationBundle,
  nullTranslator
} from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { Widget } from '@lumino/widgets';

import { OPEN_CELL, OPEN_RESULTS, RESUME, UNLOCK } from '../commands';
import { IJourneyServer, IServerState } from '../server/interfaces';
import { IPhtServer } from '../tokens';
import { IRouteMap, parseRouteMap, withServerState } from './routeMap';
import { endTime } from './status';
import { JourneyView } from './view';

export const MIME_TYPE = 'application/vnd.phtlab.journey+json';
/** After the live widget's -10, before HTML's 50. */
const RANK = 0;
/** How often times are shown anew while a journey travels. */
const INTERVAL = 1000; // ms

type Server = IServerState & IJourneyServer;

export const journeyRendererPlugin: JupyterFrontEndPlugin<void> = {
  id: 'phtlab:journey-renderer',
  description: 'Shows journeys in the outputs of notebooks.',
  autoStart: true,
  requires: [IRenderMimeRegistry],
  optional: [IPhtServer, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    registry: IRenderMimeRegistry,
    server: IPhtServer | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('phtlab');
    registry.addFactory(
      {
        // All of it becomes text, so it is shown in notebooks that nobody trusted, too.
        safe: true,
        mimeTypes: [MIME_TYPE],
        createRenderer: () => new JourneyOutput(app.commands, server, trans)
      },
      RANK
    );
  }
};

class JourneyOutput extends Widget implements IRenderMime.IRenderer {
  constructor(
    commands: CommandRegistry,
    private readonly _server: Server | null,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('pht-JourneyOutput');
    this._view = new JourneyView({
      trans: _trans,
      canCancel: ({ id }) => this._known(id) !== undefined,
      actions: {
        openCell: ({ id }, { cell, line }) => {
          const notebook = this._known(id)?.notebook;
          void commands.execute(OPEN_CELL, {
            ...(notebook ? { notebook } : {}),
            cell,
            ...(line === null ? {} : { line })
          });
        },
        openResults: ({ id }) =>
          void commands.execute(OPEN_RESULTS, { journey: id }),
        cancel: async ({ id }) => {
          await _server?.cancel(id);
        },
        finish: async ({ id }) => {
          if ((await commands.execute(UNLOCK)) !== true) {
            throw new Error(_trans.__('Your key is locked: nothing was sent.'));
          }
          await _server?.finish(id);
        },
        resume: ({ id }) => void commands.execute(RESUME, { journey: id })
      }
    });
    _server?.changed.connect(this._show, this);
  }

  dispose(): void {
    this._server?.changed.disconnect(this._show, this);
    window.clearInterval(this._clock);
    super.dispose();
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this._stored = parseRouteMap(model.data[MIME_TYPE]);
    this._show();
  }

  private _show(): void {
    const stored = this._stored;
    if (stored === null) {
      this.node.textContent = this._trans.__(
        'This output holds no journey that this version of phtlab can show.'
      );
      return;
    }
    const known = this._known(stored.id);
    if (this._view.node.parentNode !== this.node) {
      this.node.replaceChildren(this._view.node);
    }
    window.clearInterval(this._clock);
    if (known) {
      const map = withServerState(stored, known);
      this._view.update(map);
      if (!map.done) {
        this._clock = window.setInterval(() => this._view.tick(), INTERVAL);
      }
    } else {
      // Nobody knows what goes on there: times are those of its last news.
      const map = { ...stored, resumable: false };
      this._view.update(map, endTime(stored));
    }
  }

  private _known(id: string) {
    return this._server?.journeys.find(journey => journey.id === id);
  }

  private _clock = 0;
  private readonly _view: JourneyView;
  private _stored: IRouteMap | null = null;
}
