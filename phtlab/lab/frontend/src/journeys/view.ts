/**
 * The view of a journey: its route as a map, and buttons. The panel, the outputs of notebooks and
 * the widget share it. It needs no framework, so that the widget is small wherever it is loaded.
 */
import { TranslationBundle } from '@jupyterlab/translation';

import { makeElement, setText, setUntrusted } from '../components/elements';
import { ICellError } from '../server/api';
import { truncateMiddle } from '../text/untrusted';
import {
  ConfirmedButton,
  cancelTexts,
  stopEarlyTexts
} from './confirmedButton';
import { IRouteMap, IRouteStop } from './routeMap';
import { RoundsView } from './roundsView';
import {
  contradictingStations,
  contradictionWarning,
  hasResults,
  inRouteOrder,
  isResumable,
  journeyMark,
  parametersText,
  remainingStations,
  resultsLabel,
  stationAtTurn,
  stopSeconds
} from './status';
import { StopView } from './stopView';

const NAME_LIMIT = 40;
const PARAMETERS_LIMIT = 120;

/** What the buttons do; those that are absent have no button. */
export interface IJourneyActions {
  openCell: (journey: IRouteMap, error: ICellError) => void;
  openResults: (journey: IRouteMap) => void;
  sendAgain?: (journey: IRouteMap) => void;
  cancel?: (journey: IRouteMap) => Promise<void> | void;
  /** End the rounds of a journey after the present one. */
  finish?: (journey: IRouteMap) => Promise<void> | void;
  /** Continue an ended sequential journey. */
  resume?: (journey: IRouteMap) => void;
}

export interface IJourneyViewOptions {
  trans: TranslationBundle;
  actions: IJourneyActions;
  /** Whether the surroundings show the train's name and a summary already. */
  isPart?: boolean;
  /** Whether `cancel` asks the person by itself: if not, the view does. */
  cancelAsks?: boolean;
  /** Whether `cancel` can cancel that journey; by default each that is one's own. */
  canCancel?: (journey: IRouteMap) => boolean;
}

export class JourneyView {
  constructor(private readonly _options: IJourneyViewOptions) {
    const { actions, trans } = _options;
    this._of.append(`${trans.__('journey')} `, this._short);
    this._head.append(this._name, this._of, this._summary);
    // In the widget it is news of the connection, too, which interrupts nobody.
    this._notice.setAttribute('role', _options.isPart ? 'alert' : 'status');
    this._notice.hidden = true;
    this._open.addEventListener('click', () => {
      if (this._map) {
        actions.openResults(this._map);
      }
    });
    this._again.textContent = trans.__('Send again…');
    this._again.addEventListener('click', () => {
      if (this._map) {
        actions.sendAgain?.(this._map);
      }
    });
    this._again.hidden = actions.sendAgain === undefined;
    this._resume.addEventListener('click', () => {
      if (this._map) {
        actions.resume?.(this._map);
      }
    });
    this._cancel = new ConfirmedButton(
      cancelTexts(trans),
      _options.cancelAsks ?? false,
      () => this._request(actions.cancel)
    );
    this._finish = new ConfirmedButton(stopEarlyTexts(trans), false, () =>
      this._request(actions.finish)
    );
    this._rounds = new RoundsView(trans);
    this._feet.append(
      this._resume,
      this._open,
      this._again,
      this._finish.node,
      this._cancel.node
    );
    this.node.append(
      ...(_options.isPart ? [] : [this._head]),
      this._alarm,
      this._list,
      this._rounds.node,
      this._facts,
      this._notice,
      this._feet,
      ...(_options.isPart ? [] : [this._spoken])
    );
  }

  readonly node = makeElement('section', 'map');

  /** Show `map`; `now` is the time in milliseconds. */
  update(map: IRouteMap, now = Date.now()): void {
    const { trans, isPart } = this._options;
    if (map !== this._map) {
      this._received = now;
    }
    this._map = map;
    const name = truncateMiddle(map.train_name, NAME_LIMIT);
    const { tone, label } = journeyMark(map, trans);
    const doubted = contradictingStations(map);
    const summary = map.summary ?? label;
    this.node.dataset.tone = tone;
    if (isPart) {
      this._list.setAttribute('aria-label', trans.__('Route of %1', name));
    } else {
      this.node.setAttribute(
        'aria-label',
        trans.__('Journey %1 of %2', map.short, name)
      );
      setUntrusted(this._name, map.train_name, NAME_LIMIT);
      setUntrusted(this._short, map.short, NAME_LIMIT);
      setUntrusted(this._summary, summary, PARAMETERS_LIMIT);
      setText(this._spoken, `${name}: ${this._summary.textContent}`);
    }
    setText(
      this._alarm,
      doubted.length > 0 ? contradictionWarning(doubted, trans) : ''
    );
    this._showStops(map);
    this._showFacts(map);
    const canOpen = hasResults(map);
    setText(this._open, canOpen ? resultsLabel(map, trans) : '');
    this._open.classList.toggle(
      'pht-mod-accept',
      map.stops.some(stop => stop.state === 'departed')
    );
    this._rounds.update(map.rounds ?? null);
    this._cancel.update(this._isCancellable(map));
    this._finish.update(this._isFinishable(map));
    this._showResume(map);
    this._showFeet();
    this.tick(now);
  }

  /** Show how much time has passed. */
  tick(now = Date.now()): void {
    for (const [key, stop] of this._shown) {
      this._stops.get(key)?.showTime(this._secondsAt(stop, now));
    }
  }

  /** A notice below the map: what went wrong, or what to do instead; empty if there is none. */
  notify(sentence: string): void {
    setUntrusted(this._notice, sentence, 600);
    if (sentence) {
      this._cancel.reset();
      this._finish.reset();
      this._showFeet();
    }
  }

  /** Whether what is shown is current: `lost` fades the route. */
  set connection(connection: 'live' | 'lost' | 'over') {
    this.node.dataset.connection = connection;
  }

  private _showStops(map: IRouteMap): void {
    this._list.dataset.order = map.route ?? 'parallel';
    this._shown.clear();
    const turn = stationAtTurn(map);
    for (const stop of inRouteOrder(map.stops)) {
      const key = `${this._shown.size} ${stop.station}`;
      this._shown.set(key, stop);
      let view = this._stops.get(key);
      if (view === undefined) {
        view = new StopView(this._options.trans, error => {
          if (this._map) {
            this._options.actions.openCell(this._map, error);
          }
        });
        this._stops.set(key, view);
      }
      view.update(stop, turn);
    }
    for (const [key, view] of this._stops) {
      if (!this._shown.has(key)) {
        view.node.remove();
        this._stops.delete(key);
      }
    }
    const nodes = [...this._shown.keys()].map(
      key => this._stops.get(key)!.node
    );
    if (nodes.some((node, place) => this._list.children[place] !== node)) {
      this._list.replaceChildren(...nodes);
    }
  }

  private _secondsAt(stop: IRouteStop, now: number): number | null {
    // What runs was counted by another clock up to here; from there on this one counts.
    return !stop.final && stop.seconds !== null
      ? stop.seconds + Math.max(now - this._received, 0) / 1000
      : stopSeconds(stop, now);
  }

  /** Whose journey it is, its parameters, and whether its results are still there. */
  private _showFacts(map: IRouteMap): void {
    const { trans, isPart } = this._options;
    const parts: (string | Node)[][] = [];
    if (isPart) {
      const short = makeElement('code', 'short', map.short);
      short.title = map.id;
      parts.push([`${trans.__('Journey')} `, short]);
    }
    if (map.mine === false) {
      parts.push([`${trans.__('by')} `, untrusted(map.researcher, NAME_LIMIT)]);
    }
    if (map.parameters) {
      const text = parametersText(map.parameters, trans);
      parts.push([untrusted(text, PARAMETERS_LIMIT)]);
    }
    if (map.continues) {
      parts.push([
        `${trans.__('continues journey')} `,
        identifier(map.continues)
      ]);
    }
    if (map.continued_by) {
      parts.push([
        `${trans.__('continued by journey')} `,
        identifier(map.continued_by)
      ]);
    }
    if (map.removed !== null) {
      parts.push([
        trans.__('its results were removed when their time was over')
      ]);
    }
    this._facts.replaceChildren(
      ...parts.flatMap((part, place) => (place ? [' · ', ...part] : part))
    );
    this._facts.hidden = parts.length === 0;
  }

  private _isCancellable(map: IRouteMap): boolean {
    const { actions, canCancel } = this._options;
    return (
      actions.cancel !== undefined &&
      map.mine !== false &&
      !map.done &&
      !map.cancelled &&
      (canCancel?.(map) ?? true)
    );
  }

  private _isFinishable(map: IRouteMap): boolean {
    const { actions, canCancel } = this._options;
    return (
      actions.finish !== undefined &&
      map.mine !== false &&
      !map.done &&
      !map.cancelled &&
      !!map.rounds &&
      !map.rounds.ended &&
      (canCancel?.(map) ?? true)
    );
  }

  private _showResume(map: IRouteMap): void {
    const { actions, trans } = this._options;
    const isShown = actions.resume !== undefined && isResumable(map);
    setText(this._resume, isShown ? trans.__('Resume…') : '');
    this._resume.title = isShown
      ? trans.__(
          'Continue at %1, with what the station before it handed on',
          truncateMiddle(remainingStations(map)[0] ?? '', NAME_LIMIT)
        )
      : '';
  }

  private _showFeet(): void {
    this._feet.hidden = [
      this._resume,
      this._open,
      this._again,
      this._finish.node,
      this._cancel.node
    ].every(node => node.hidden);
  }

  private async _request(
    act: ((journey: IRouteMap) => Promise<void> | void) | undefined
  ): Promise<void> {
    if (this._map) {
      this.notify('');
      try {
        await act?.(this._map);
      } catch (error) {
        this.notify((error as Error).message);
      }
    }
  }

  private _map: IRouteMap | null = null;
  private _received = 0;
  /** The stops that are shown, and their views, by place and station. */
  private readonly _shown = new Map<string, IRouteStop>();
  private readonly _stops = new Map<string, StopView>();
  private readonly _cancel: ConfirmedButton;
  private readonly _finish: ConfirmedButton;
  private readonly _rounds: RoundsView;
  private readonly _head = makeElement('header', 'head');
  private readonly _name = makeElement('bdi', 'name');
  private readonly _of = makeElement('span', 'of');
  private readonly _short = makeElement('code', 'short');
  private readonly _summary = makeElement('span', 'summary');
  private readonly _alarm = makeElement('p', 'alarm', '', { role: 'alert' });
  private readonly _list = makeElement('ol', 'route', '', { role: 'list' });
  private readonly _facts = makeElement('p', 'facts');
  private readonly _notice = makeElement('p', 'notice');
  private readonly _feet = makeElement('footer', 'feet');
  private readonly _open = makeElement('button', 'button', '', {
    type: 'button'
  });
  private readonly _again = makeElement('button', 'button', '', {
    type: 'button'
  });
  private readonly _resume = makeElement('button', 'button', '', {
    type: 'button'
  });
  private readonly _spoken = makeElement('div', 'spoken', '', {
    'aria-live': 'polite'
  });
}

/** The id of a journey, in its short form. */
function identifier(id: string): HTMLElement {
  const short = makeElement('code', 'short');
  setUntrusted(short, id.replace(/^sha256:/, '').slice(0, 12), NAME_LIMIT);
  short.title = truncateMiddle(id, 100);
  return short;
}

function untrusted(text: string, limit: number): HTMLElement {
  const element = makeElement('bdi', 'fact');
  setUntrusted(element, text, limit);
  return element;
}
