/**
 * One stop of a journey's map, as elements that are updated in place.
 */
import { TranslationBundle } from '@jupyterlab/translation';

import { makeElement, setText, setUntrusted } from '../components/elements';
import { ICellError } from '../server/api';
import { IRouteStop } from './routeMap';
import { errorText, stopMark, stopText, timeAndSizeText } from './status';

const NAME_LIMIT = 40;
const ERROR_LIMIT = 80;
const SENTENCE_LIMIT = 600;

export class StopView {
  constructor(
    private readonly _trans: TranslationBundle,
    openCell: (error: ICellError) => void
  ) {
    const rail = makeElement('div', 'rail', '', { 'aria-hidden': 'true' });
    rail.append(this._mark);
    this._bar.append(this._fill);
    this._cell.addEventListener('click', () => {
      if (this._shown?.error) {
        openCell(this._shown.error);
      }
    });
    this._error.append(this._errorWords, this._errorMessage, this._cell);
    this._name.append(this._station, this._combines);
    this.node.append(
      rail,
      this._name,
      this._word,
      this._bar,
      this._spent,
      this._sentence,
      this._error
    );
  }

  readonly node = makeElement('li', 'stop', '', { role: 'listitem' });

  /** Show `stop`; `turn` is the station whose turn it is on a sequential route. */
  update(stop: IRouteStop, turn: string | null = null): void {
    const trans = this._trans;
    const { mark, tone } = stop.contradicted
      ? { mark: '!', tone: 'bad' }
      : stopMark(stop.state, trans);
    this._shown = stop;
    Object.assign(this.node.dataset, {
      station: stop.station,
      state: stop.state,
      tone
    });
    this.node.classList.toggle(
      'pht-mod-busy',
      !stop.final && tone === 'moving'
    );
    setText(this._mark, mark);
    setUntrusted(this._station, stop.station, NAME_LIMIT);
    setText(this._combines, stop.combines ? trans.__(' (combines)') : '');
    const words = stopText(stop, trans, turn);
    setText(
      this._word,
      stop.contradicted ? `${words} · ${trans.__('two records')}` : words
    );
    this._showCells(stop, words);
    setUntrusted(this._sentence, stop.sentence, SENTENCE_LIMIT);
    this._showError(stop.error);
  }

  /** Show the time spent; `seconds` is how long it has been there, null if that is not known. */
  showTime(seconds: number | null): void {
    if (this._shown) {
      setText(this._spent, timeAndSizeText(this._shown, seconds, this._trans));
    }
  }

  private _showCells(stop: IRouteStop, words: string): void {
    const { cell, cells, station, state } = stop;
    this._bar.hidden = state !== 'running' || !cells;
    if (!cells) {
      return;
    }
    const value = Math.min(Math.max(cell ?? 0, 0), cells);
    for (const [name, text] of Object.entries({
      'aria-valuemin': '0',
      'aria-valuemax': String(cells),
      'aria-valuenow': String(value),
      'aria-valuetext': words
    })) {
      this._bar.setAttribute(name, text);
    }
    this._bar.setAttribute('aria-label', this._station.textContent || station);
    this._fill.style.width = `${(100 * value) / cells}%`;
  }

  private _showError(error: ICellError | null): void {
    this._error.hidden = error === null;
    if (error === null) {
      return;
    }
    const { cell, line, message } = error;
    setUntrusted(this._errorWords, errorText(error, this._trans), ERROR_LIMIT);
    setUntrusted(this._errorMessage, message ?? '', SENTENCE_LIMIT);
    setText(
      this._cell,
      cell === null
        ? ''
        : line === null
          ? this._trans.__('Go to cell %1', cell)
          : this._trans.__('Go to cell %1, line %2', cell, line)
    );
  }

  private _shown: IRouteStop | null = null;
  private readonly _mark = makeElement('span', 'mark');
  private readonly _name = makeElement('div', 'station-name');
  private readonly _station = makeElement('bdi', 'station');
  private readonly _combines = makeElement('span', 'combines');
  private readonly _word = makeElement('div', 'word');
  private readonly _bar = makeElement('div', 'bar', '', {
    role: 'progressbar'
  });
  private readonly _fill = makeElement('div', 'fill');
  private readonly _spent = makeElement('div', 'spent');
  private readonly _sentence = makeElement('div', 'sentence');
  private readonly _error = makeElement('div', 'error');
  private readonly _errorWords = makeElement('code', 'error-words');
  private readonly _errorMessage = makeElement('div', 'error-message');
  private readonly _cell = makeElement('button', 'link', '', {
    type: 'button'
  });
}
