/**
 * A word when a journey ends, and how many travel, in the status bar.
 */
import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { IStatusBar } from '@jupyterlab/statusbar';
import {
  ITranslator,
  TranslationBundle,
  nullTranslator
} from '@jupyterlab/translation';
import { ISignal, Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import { OPEN_RESULTS, OPEN_TRAIN } from '../commands';
import { IJourney } from '../server/api';
import { IServerState } from '../server/interfaces';
import { named } from '../text/untrusted';
import { IPhtServer } from '../tokens';
import {
  contradicted,
  contradictedSince,
  contradictedWords,
  endedSince,
  journeyMark,
  travelling
} from './status';

/** How long a notice stays. */
const SHOWN = 12_000; // ms

export const journeysPlugin: JupyterFrontEndPlugin<void> = {
  id: 'phtlab:journeys',
  description: 'Tells when a journey ends, and how many travel.',
  autoStart: true,
  requires: [IPhtServer],
  optional: [IStatusBar, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    server: IPhtServer,
    statusBar: IStatusBar | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('phtlab');
    const standing = () =>
      new Map(server.journeys.map(({ id, done }) => [id, done]));
    const doubts = () =>
      new Map(server.journeys.map(one => [one.id, contradicted(one).length]));
    let known = standing();
    let doubted = doubts();
    server.changed.connect(() => {
      for (const journey of contradictedSince(doubted, server.journeys)) {
        alarm(app, journey, trans);
      }
      doubted = doubts();
      for (const journey of endedSince(known, server.journeys)) {
        if (journey.mine) {
          tell(app, journey, trans);
        }
      }
      known = standing();
    });
    if (statusBar) {
      const item = new TravellingItem(app, server, trans);
      statusBar.registerStatusItem('phtlab:travelling', {
        item,
        align: 'left',
        rank: 20,
        isActive: () => item.count > 0,
        activeStateChanged: item.changed
      });
    }
  }
};

function tell(
  app: JupyterFrontEnd,
  journey: IJourney,
  trans: TranslationBundle
): void {
  const { tone, word } = journeyMark(journey, trans);
  const what = journey.twin
    ? trans.__('Dry run of %1', named(journey.train_name))
    : named(journey.train_name);
  const isGood = tone === 'good';
  Notification.emit(
    `${what}: ${word}`,
    isGood ? 'success' : tone === 'bad' ? 'warning' : 'info',
    {
      autoClose: SHOWN,
      actions: [
        {
          label: trans.__('Open results'),
          displayType: isGood ? 'accent' : 'default',
          callback: () =>
            void app.commands.execute(OPEN_RESULTS, { journey: journey.id })
        }
      ]
    }
  );
}

/** Stays until it is read: a result that somebody may have used already is in doubt. */
function alarm(
  app: JupyterFrontEnd,
  journey: IJourney,
  trans: TranslationBundle
): void {
  const words = contradictedWords(contradicted(journey), trans);
  Notification.emit(`${named(journey.train_name)}: ${words}`, 'error', {
    autoClose: false,
    actions: [
      {
        label: trans.__('Show the journeys'),
        callback: () => void app.commands.execute(OPEN_TRAIN)
      }
    ]
  });
}

/** `▸ 2 travelling`; a click shows them. */
class TravellingItem extends Widget {
  constructor(
    app: JupyterFrontEnd,
    private readonly _server: IServerState,
    private readonly _trans: TranslationBundle
  ) {
    super({ node: document.createElement('button') });
    this.addClass('pht-Travelling');
    this.node.title = _trans.__('Show the journeys');
    this.node.addEventListener('click', () => {
      void app.commands.execute(OPEN_TRAIN);
    });
    _server.changed.connect(this._count, this);
    this._count();
  }

  get count(): number {
    return this._counted;
  }
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  private _count(): void {
    const count = travelling(this._server.journeys);
    if (count === this._counted) {
      return;
    }
    this._counted = count;
    this.node.textContent = `▸ ${this._trans.__('%1 travelling', count)}`;
    this._changed.emit();
  }

  private _counted = 0;
  private readonly _changed = new Signal<this, void>(this);
}
