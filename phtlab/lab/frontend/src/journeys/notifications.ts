/**
 * Notifications when a journey ends, and the number of travelling journeys in the status bar.
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
import { isolateName } from '../text/untrusted';
import { IPhtServer } from '../tokens';
import {
  contradictingStations,
  contradictionWarning,
  countTravelling,
  journeyMark,
  newlyContradicted,
  newlyEnded
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
    const doneById = () =>
      new Map(server.journeys.map(({ id, done }) => [id, done]));
    const contradictionsById = () =>
      new Map(
        server.journeys.map(journey => [
          journey.id,
          contradictingStations(journey).length
        ])
      );
    let known = doneById();
    let doubted = contradictionsById();
    server.changed.connect(() => {
      for (const journey of newlyContradicted(doubted, server.journeys)) {
        notifyContradiction(app, journey, trans);
      }
      doubted = contradictionsById();
      for (const journey of newlyEnded(known, server.journeys)) {
        if (journey.mine) {
          notifyEnd(app, journey, trans);
        }
      }
      known = doneById();
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

function notifyEnd(
  app: JupyterFrontEnd,
  journey: IJourney,
  trans: TranslationBundle
): void {
  const { tone, label } = journeyMark(journey, trans);
  const what = journey.twin
    ? trans.__('Dry run of %1', isolateName(journey.train_name))
    : isolateName(journey.train_name);
  const isGood = tone === 'good';
  Notification.emit(
    `${what}: ${label}`,
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
function notifyContradiction(
  app: JupyterFrontEnd,
  journey: IJourney,
  trans: TranslationBundle
): void {
  const warning = contradictionWarning(contradictingStations(journey), trans);
  Notification.emit(`${isolateName(journey.train_name)}: ${warning}`, 'error', {
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
    const count = countTravelling(this._server.journeys);
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
