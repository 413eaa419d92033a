/**
 * The rounds of a journey: the present one, the stations that were heard and are awaited in it, and
 * a plot of what combine cells report.
 */
import { TranslationBundle } from '@jupyterlab/translation';

import { makeElement, setText } from '../components/elements';
import { truncateMiddle } from '../text/untrusted';
import { IRouteRounds } from './routeMap';
import { RoundsPlot } from './roundsPlot';

const NAME_LIMIT = 40;

export class RoundsView {
  constructor(private readonly _trans: TranslationBundle) {
    this._plot = new RoundsPlot(_trans);
    this.node.setAttribute('aria-label', _trans.__('Rounds'));
    this._head.append(this._number, this._stations);
    this.node.append(this._head, this._plot.node, this._locked);
  }

  readonly node = makeElement('div', 'rounds', '', { role: 'group' });

  update(rounds: IRouteRounds | null): void {
    this.node.hidden = rounds === null;
    if (rounds === null) {
      return;
    }
    setText(this._number, roundText(rounds, this._trans));
    // After the last round nobody is awaited, and all were heard or have ended.
    const stations = rounds.ended
      ? []
      : [
          ...rounds.heard.map(name => this._station(name, true)),
          ...rounds.awaited.map(name => this._station(name, false))
        ];
    this._stations.replaceChildren(...stations);
    this._stations.hidden = stations.length === 0;
    this._plot.update(rounds);
    setText(
      this._locked,
      rounds.locked
        ? this._trans.__('Unlock your key to see what was reported.')
        : ''
    );
  }

  private _station(name: string, isHeard: boolean): HTMLElement {
    const node = makeElement('li', 'answer');
    node.dataset.station = name;
    node.dataset.tone = isHeard ? 'good' : 'moving';
    const mark = makeElement('span', 'answer-mark', isHeard ? '✓' : '…', {
      'aria-hidden': 'true'
    });
    node.append(
      mark,
      makeElement('bdi', 'answer-name', truncateMiddle(name, NAME_LIMIT)),
      ` ${isHeard ? this._trans.__('heard') : this._trans.__('awaited')}`
    );
    return node;
  }

  private readonly _plot: RoundsPlot;
  private readonly _head = makeElement('div', 'rounds-head');
  private readonly _locked = makeElement('p', 'rounds-locked');
  private readonly _number = makeElement('span', 'rounds-number');
  private readonly _stations = makeElement('ul', 'answers', '', {
    role: 'list'
  });
}

/** `Round 3 of at most 20`, or `Ended after round 7 of at most 20`. */
export function roundText(
  rounds: IRouteRounds,
  trans: TranslationBundle
): string {
  const { number, most, ended } = rounds;
  if (most < 1) {
    return ended
      ? trans.__('Ended after round %1', number)
      : trans.__('Round %1', number);
  }
  return ended
    ? trans.__('Ended after round %1 of at most %2', number, most)
    : trans.__('Round %1 of at most %2', number, most);
}
