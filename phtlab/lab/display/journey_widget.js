/* Built from phtlab/lab/frontend/src/widgets/journey.ts by `jlpm widgets`: change that, not this file. */
var __webpack_require__ = {};
(() => {
  __webpack_require__.d = (exports, getters, values) => {
    var define = (defs, kind) => {
      for (var key in defs)
        if (
          __webpack_require__.o(defs, key) &&
          !__webpack_require__.o(exports, key)
        )
          Object.defineProperty(exports, key, {
            enumerable: true,
            [kind]: defs[key]
          });
    };
    define(getters, 'get');
    define(values, 'value');
  };
})();
(() => {
  __webpack_require__.o = (obj, prop) =>
    Object.prototype.hasOwnProperty.call(obj, prop);
})();
var __webpack_exports__ = {};
__webpack_require__.d(__webpack_exports__, { default: () => widgets_journey });
const INVISIBLE =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;
function escapeInvisible(text) {
  return text.replace(INVISIBLE, character => {
    const code = character.codePointAt(0).toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`;
  });
}
function truncateMiddle(text, limit) {
  const head = text.length > 4 * limit ? text.slice(0, 2 * limit) : text;
  const tail = text.length > 4 * limit ? text.slice(-2 * limit) : '';
  const characters = Array.from(escapeInvisible(head) + escapeInvisible(tail));
  if (characters.length <= limit && !tail) return characters.join('');
  const kept = Math.max(limit - 1, 2);
  const front = Math.ceil(kept / 2);
  return (
    characters.slice(0, front).join('') +
    '…' +
    characters.slice(characters.length - (kept - front)).join('')
  );
}
const TITLE_LIMIT = 1e3;
function makeElement(tag, name, text = '', attributes = {}) {
  const element = document.createElement(tag);
  element.className = `pht-journey-${name}`;
  element.textContent = text;
  for (const [key, value] of Object.entries(attributes))
    element.setAttribute(key, value);
  return element;
}
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
  element.hidden = '' === text;
}
function setUntrusted(element, text, limit) {
  const shown = truncateMiddle(text, limit);
  setText(element, shown);
  element.title = shown === text ? '' : truncateMiddle(text, TITLE_LIMIT);
}
function cancelTexts(trans) {
  return {
    label: trans.__('Cancel'),
    question: trans.__('Ask all stations to stop?'),
    confirm: trans.__('Cancel the journey'),
    keep: trans.__('Keep going'),
    sent: trans.__('Asking the stations to stop…')
  };
}
function stopEarlyTexts(trans) {
  return {
    label: trans.__('Stop early'),
    question: trans.__('End the rounds after this one?'),
    confirm: trans.__('Stop early'),
    keep: trans.__('Keep going'),
    sent: trans.__('Ending the rounds…')
  };
}
class ConfirmedButton {
  _texts;
  _isAsked;
  _act;
  constructor(_texts, _isAsked, _act) {
    this._texts = _texts;
    this._isAsked = _isAsked;
    this._act = _act;
    const question = makeElement('span', 'question', _texts.question);
    const confirm = makeElement(
      'button',
      'button pht-mod-warn',
      _texts.confirm,
      { type: 'button' }
    );
    this._ask.append(question, confirm, this._keep);
    this._ask.setAttribute('aria-label', question.textContent ?? '');
    this._keep.textContent = _texts.keep;
    this.node.append(this._button, this._ask);
    this._button.addEventListener('click', () => {
      if (_isAsked) this._act();
      else this._choose(true);
    });
    this._keep.addEventListener('click', () => this._choose(false));
    this._ask.addEventListener('keydown', event => {
      if ('Escape' === event.key) {
        event.stopPropagation();
        this._choose(false);
      }
    });
    confirm.addEventListener('click', () => {
      this._isAsking = false;
      this._isSent = true;
      this._show();
      this._act();
    });
    this._show();
  }
  node = makeElement('span', 'cancel');
  update(isOffered) {
    this._isOffered = isOffered;
    this._show();
  }
  reset() {
    this._isSent = false;
    this._show();
  }
  _choose(isAsking) {
    this._isAsking = isAsking;
    this._show();
    (isAsking ? this._keep : this._button).focus();
  }
  _show() {
    this.node.hidden = !this._isOffered;
    this._button.hidden = this._isAsking;
    this._button.disabled = this._isSent;
    this._button.textContent = this._isSent
      ? this._texts.sent
      : this._texts.label + (this._isAsked ? '' : '…');
    this._ask.hidden = !this._isAsking;
  }
  _isOffered = false;
  _isAsking = false;
  _isSent = false;
  _button = makeElement('button', 'button', '', { type: 'button' });
  _ask = makeElement('span', 'ask', '', { role: 'group' });
  _keep = makeElement('button', 'button', '', { type: 'button' });
}
const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 300;
const HEIGHT = 130;
const LEFT = 46;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 22;
const LABEL_LIMIT = 32;
const WIDE = 100;
class RoundsPlot {
  _trans;
  constructor(_trans) {
    this._trans = _trans;
  }
  node = makeElement('div', 'plots');
  update({ lines, number }) {
    const shown = lines.filter(line => line.rounds.length > 0);
    const key = JSON.stringify(shown);
    if (key !== this._key) {
      this._key = key;
      this.node.replaceChildren(
        ...shown.map((line, place) => this._panel(line, place, number))
      );
    }
    this.node.hidden = 0 === shown.length;
  }
  _panel(line, place, number) {
    const panel = makeElement('figure', 'plot');
    panel.dataset.colour = String(place % 6);
    const name = truncateMiddle(line.name, LABEL_LIMIT);
    const last = line.values[line.values.length - 1];
    const head = makeElement('figcaption', 'plot-head');
    head.append(
      makeElement('bdi', 'plot-name', name),
      makeElement('span', 'plot-last', valueText(last))
    );
    const svg = roundsPlot_element('svg', {
      class: 'pht-journey-plot-drawn',
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      role: 'img',
      'aria-label': this._trans.__(
        '%1 by round: %2 after round %3',
        name,
        valueText(last),
        line.rounds[line.rounds.length - 1]
      )
    });
    svg.append(...draw(line, Math.max(number, 2)));
    panel.append(head, svg);
    return panel;
  }
  _key = '';
}
function draw(line, number) {
  const { rounds, values } = line;
  const scale = yScale(values);
  const end = Math.max(number, rounds[rounds.length - 1]);
  const x = round =>
    LEFT + ((round - 1) / Math.max(end - 1, 1)) * (WIDTH - RIGHT - LEFT);
  const y = value =>
    HEIGHT - BOTTOM - scale.at(value) * (HEIGHT - BOTTOM - TOP);
  const parts = [];
  for (const tick of scale.ticks)
    parts.push(
      roundsPlot_element('line', {
        class: 'pht-journey-plot-tick',
        x1: LEFT,
        x2: WIDTH - RIGHT,
        y1: y(tick),
        y2: y(tick)
      }),
      roundsPlot_text(valueText(tick), LEFT - 6, y(tick) + 3.5, 'end')
    );
  for (const tick of roundTicks(end))
    parts.push(roundsPlot_text(String(tick), x(tick), HEIGHT - 6, 'middle'));
  const points = rounds.map((round, place) => [x(round), y(values[place])]);
  parts.push(
    roundsPlot_element('polyline', {
      class: 'pht-journey-plot-line',
      points: points.map(point => point.map(rounded).join(',')).join(' ')
    })
  );
  const dots = points.length <= 30 ? points : points.slice(-1);
  for (const [cx, cy] of dots) {
    const isLast = cx === points[points.length - 1][0];
    parts.push(
      roundsPlot_element('circle', {
        class: 'pht-journey-plot-point',
        cx: rounded(cx),
        cy: rounded(cy),
        r: isLast ? 4 : 2.5
      })
    );
  }
  return parts;
}
function yScale(values) {
  const low = values.reduce((a, b) => Math.min(a, b), 1 / 0);
  const high = values.reduce((a, b) => Math.max(a, b), -1 / 0);
  if (low > 0 && high / low >= WIDE) {
    const [from, to] = [
      Math.floor(Math.log10(low)),
      Math.ceil(Math.log10(high))
    ];
    const step = Math.ceil((to - from) / 4);
    const ticks = [];
    for (let power = from; power <= to; power += step) ticks.push(10 ** power);
    return { at: value => (Math.log10(value) - from) / (to - from), ticks };
  }
  const margin = (high - low) * 0.05 || 0.5 * Math.abs(high) || 1;
  const [from, to] = [low - margin, high + margin];
  const rough = (to - from) / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(n => n * power).find(s => s >= rough);
  const ticks = [];
  for (let n = Math.ceil(from / step); n * step <= to; n++)
    ticks.push(Number((n * step).toPrecision(12)));
  return { at: value => (value - from) / (to - from), ticks };
}
function roundTicks(end) {
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3].find(
    each => end / each <= 8
  );
  const ticks = [1];
  for (let tick = step; tick <= end; tick += step)
    if (tick > 1 && (tick - 1) / end > 0.06) ticks.push(tick);
  return ticks;
}
function valueText(value) {
  const size = Math.abs(value);
  if (0 !== size && (size < 0.001 || size >= 1e5))
    return value.toExponential(1).replace('.0e', 'e').replace('e+', 'e');
  return String(Number(value.toPrecision(4)));
}
function rounded(value) {
  return Math.round(100 * value) / 100;
}
function roundsPlot_text(words, x, y, anchor) {
  const node = roundsPlot_element('text', { x, y, 'text-anchor': anchor });
  node.textContent = words;
  return node;
}
function roundsPlot_element(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes))
    node.setAttribute(key, String(value));
  return node;
}
const roundsView_NAME_LIMIT = 40;
class RoundsView {
  _trans;
  constructor(_trans) {
    this._trans = _trans;
    this._plot = new RoundsPlot(_trans);
    this.node.setAttribute('aria-label', _trans.__('Rounds'));
    this._head.append(this._number, this._stations);
    this.node.append(this._head, this._plot.node, this._locked);
  }
  node = makeElement('div', 'rounds', '', { role: 'group' });
  update(rounds) {
    this.node.hidden = null === rounds;
    if (null === rounds) return;
    setText(this._number, roundText(rounds, this._trans));
    const stations = rounds.ended
      ? []
      : [
          ...rounds.heard.map(name => this._station(name, true)),
          ...rounds.awaited.map(name => this._station(name, false))
        ];
    this._stations.replaceChildren(...stations);
    this._stations.hidden = 0 === stations.length;
    this._plot.update(rounds);
    setText(
      this._locked,
      rounds.locked
        ? this._trans.__('Unlock your key to see what was reported.')
        : ''
    );
  }
  _station(name, isHeard) {
    const node = makeElement('li', 'answer');
    node.dataset.station = name;
    node.dataset.tone = isHeard ? 'good' : 'moving';
    const mark = makeElement('span', 'answer-mark', isHeard ? '✓' : '…', {
      'aria-hidden': 'true'
    });
    node.append(
      mark,
      makeElement(
        'bdi',
        'answer-name',
        truncateMiddle(name, roundsView_NAME_LIMIT)
      ),
      ` ${isHeard ? this._trans.__('heard') : this._trans.__('awaited')}`
    );
    return node;
  }
  _plot;
  _head = makeElement('div', 'rounds-head');
  _locked = makeElement('p', 'rounds-locked');
  _number = makeElement('span', 'rounds-number');
  _stations = makeElement('ul', 'answers', '', { role: 'list' });
}
function roundText(rounds, trans) {
  const { number, most, ended } = rounds;
  if (most < 1)
    return ended
      ? trans.__('Ended after round %1', number)
      : trans.__('Round %1', number);
  return ended
    ? trans.__('Ended after round %1 of at most %2', number, most)
    : trans.__('Round %1 of at most %2', number, most);
}
function sizeText(bytes) {
  const units = ['B', 'kB', 'MB', 'GB'];
  let size = bytes;
  let unit = 0;
  while (size >= 1e3 && unit < units.length - 1) {
    size /= 1e3;
    unit++;
  }
  return `${unit ? size.toFixed(1) : size} ${units[unit]}`;
}
function formatDuration(seconds, trans) {
  const whole = Math.floor(Math.max(seconds, 0));
  if (whole < 60) return trans.__('%1 s', whole);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) {
    const rest = String(whole % 60).padStart(2, '0');
    return trans.__('%1 min %2 s', minutes, rest);
  }
  const hours = Math.floor(minutes / 60);
  if (hours < 48) {
    const rest = String(minutes % 60).padStart(2, '0');
    return trans.__('%1 h %2 min', hours, rest);
  }
  const days = Math.floor(hours / 24);
  return trans._n('%1 day', '%1 days', days);
}
function formatRunTime(seconds, trans) {
  return seconds < 10
    ? trans.__('%1 s', Math.max(seconds, 0).toFixed(1))
    : formatDuration(seconds, trans);
}
function time_parseTime(iso) {
  const time = Date.parse(iso);
  return Number.isNaN(time) ? 0 : time;
}
const PROGRESS_BY_STATE = {
  offered: 0,
  verified: 0.05,
  held: 0.1,
  admitted: 0.1,
  running: 0.15,
  airlock: 0.85,
  sealed: 0.95
};
(PROGRESS_BY_STATE.airlock, PROGRESS_BY_STATE.running);
const WAITING = new Set(['offered', 'verified', 'held']);
function inRouteOrder(stops) {
  return [...stops].sort((a, b) => a.number - b.number);
}
function stopSeconds(stop, now) {
  if (null !== stop.seconds) return stop.seconds;
  if (stop.final || WAITING.has(stop.state)) return null;
  return Math.max((now - time_parseTime(stop.updated)) / 1e3, 0);
}
function stopMark(state, trans) {
  switch (state) {
    case 'offered':
      return { mark: '○', tone: 'waiting', label: trans.__('waiting') };
    case 'verified':
      return { mark: '○', tone: 'waiting', label: trans.__('verified') };
    case 'held':
      return {
        mark: '‖',
        tone: 'waiting',
        label: trans.__('held: a person there decides')
      };
    case 'admitted':
      return { mark: '●', tone: 'moving', label: trans.__('admitted') };
    case 'running':
      return { mark: '●', tone: 'moving', label: trans.__('running') };
    case 'airlock':
      return {
        mark: '●',
        tone: 'moving',
        label: trans.__('airlock: outputs are checked')
      };
    case 'sealed':
      return { mark: '●', tone: 'moving', label: trans.__('sealed') };
    case 'departed':
      return { mark: '✓', tone: 'good', label: trans.__('departed') };
    case 'failed':
      return { mark: '✗', tone: 'bad', label: trans.__('failed') };
    case 'refused':
      return { mark: '✗', tone: 'bad', label: trans.__('refused') };
    case 'cancelled':
      return { mark: '–', tone: 'still', label: trans.__('cancelled') };
    default:
      return { mark: '●', tone: 'waiting', label: truncateMiddle(state, 40) };
  }
}
function stationAtTurn(journey) {
  const present = inRouteOrder(journey.stops).find(stop => !stop.final);
  return 'sequential' === journey.route && present ? present.station : null;
}
function stopText(stop, trans, turn = null) {
  const isWaiting = 'offered' === stop.state || 'verified' === stop.state;
  if (isWaiting && null !== turn && turn !== stop.station)
    return trans.__('waits for %1', truncateMiddle(turn, 40));
  const { label } = stopMark(stop.state, trans);
  return 'running' === stop.state && stop.cells
    ? trans.__('%1, cell %2 of %3', label, stop.cell ?? 0, stop.cells)
    : label;
}
function timeAndSizeText(stop, seconds, trans) {
  if (!stop.final)
    return null === seconds
      ? ''
      : trans.__('for %1', formatDuration(seconds, trans));
  const parts =
    null === seconds ? [] : [trans.__('ran %1', formatRunTime(seconds, trans))];
  if (stop.size) parts.push(trans.__('sent %1', sizeText(stop.size)));
  return parts.join(', ');
}
function contradictingStations(journey) {
  return inRouteOrder(journey.stops)
    .filter(stop => stop.contradicted)
    .map(stop => stop.station);
}
function contradictionWarning(stations, trans) {
  return trans.__(
    '%1 signed two different records of this journey. Do not rely on either before its operator says which one counts.',
    stations.map(name => truncateMiddle(name, 40)).join(', ')
  );
}
function journeyMark(journey, trans) {
  if (contradictingStations(journey).length > 0) {
    const label = trans.__('two records: do not rely on it');
    return { mark: '!', tone: 'bad', label };
  }
  return journey.done
    ? endMark(journey, trans)
    : travellingMark(journey, trans);
}
function travellingMark(journey, trans) {
  const states = journey.stops.map(stop => stop.state);
  if (journey.cancelled)
    return { mark: '–', tone: 'moving', label: trans.__('being cancelled') };
  if (states.some(state => 'moving' === stopMark(state, trans).tone))
    return { mark: '●', tone: 'moving', label: trans.__('running') };
  if (states.includes('held'))
    return { mark: '‖', tone: 'waiting', label: trans.__('held') };
  const turn = stationAtTurn(journey);
  const label = turn
    ? trans.__('waits for %1', truncateMiddle(turn, 40))
    : trans.__('waiting');
  return { mark: '○', tone: 'waiting', label };
}
function endMark(journey, trans) {
  const total = journey.stops.length;
  const count = state =>
    journey.stops.filter(stop => stop.state === state).length;
  const departed = count('departed');
  if (departed === total)
    return { mark: '✓', tone: 'good', label: trans.__('done') };
  if (departed > 0) {
    const label = trans.__('%1 of %2 departed', departed, total);
    return { mark: '✗', tone: 'bad', label };
  }
  if (count('cancelled') === total || journey.cancelled)
    return { mark: '–', tone: 'still', label: trans.__('cancelled') };
  const label =
    count('refused') === total ? trans.__('refused') : trans.__('failed');
  return { mark: '✗', tone: 'bad', label };
}
function errorText(error, trans) {
  if (null === error.cell) return error.type;
  return null === error.line
    ? trans.__('%1 in cell %2', error.type, error.cell)
    : trans.__('%1 in cell %2, line %3', error.type, error.cell, error.line);
}
function hasResults(journey) {
  return (
    null === journey.removed && (journey.done || countDeparted(journey) > 0)
  );
}
function resultsLabel(journey, trans) {
  return journey.done
    ? trans.__('Results')
    : trans.__(
        'Results so far (%1 of %2)',
        countDeparted(journey),
        journey.stops.length
      );
}
function countDeparted(journey) {
  return journey.stops.filter(stop => 'departed' === stop.state).length;
}
function isResumable(journey) {
  return true === journey.resumable && false !== journey.mine;
}
function remainingStations(journey) {
  const stops = inRouteOrder(journey.stops);
  const first = stops.findIndex(stop => 'departed' !== stop.state);
  return first < 0 ? [] : stops.slice(first).map(stop => stop.station);
}
function parametersText(parameters, trans) {
  const names = Object.keys(parameters ?? {});
  if (0 === names.length) return trans.__('no parameters');
  return names
    .map(name => `${name} = ${status_valueText(parameters[name])}`)
    .join(', ');
}
function status_valueText(value) {
  return 'string' == typeof value ? value : JSON.stringify(value);
}
const stopView_NAME_LIMIT = 40;
const ERROR_LIMIT = 80;
const SENTENCE_LIMIT = 600;
class StopView {
  _trans;
  constructor(_trans, openCell) {
    this._trans = _trans;
    const rail = makeElement('div', 'rail', '', { 'aria-hidden': 'true' });
    rail.append(this._mark);
    this._bar.append(this._fill);
    this._cell.addEventListener('click', () => {
      if (this._shown?.error) openCell(this._shown.error);
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
  node = makeElement('li', 'stop', '', { role: 'listitem' });
  update(stop, turn = null) {
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
      !stop.final && 'moving' === tone
    );
    setText(this._mark, mark);
    setUntrusted(this._station, stop.station, stopView_NAME_LIMIT);
    setText(this._combines, stop.combines ? trans.__(' (combines)') : '');
    const words = stopText(stop, trans, turn);
    setText(
      this._word,
      stop.contradicted ? `${words} \xb7 ${trans.__('two records')}` : words
    );
    this._showCells(stop, words);
    setUntrusted(this._sentence, stop.sentence, SENTENCE_LIMIT);
    this._showError(stop.error);
  }
  showTime(seconds) {
    if (this._shown)
      setText(this._spent, timeAndSizeText(this._shown, seconds, this._trans));
  }
  _showCells(stop, words) {
    const { cell, cells, station, state } = stop;
    this._bar.hidden = 'running' !== state || !cells;
    if (!cells) return;
    const value = Math.min(Math.max(cell ?? 0, 0), cells);
    for (const [name, text] of Object.entries({
      'aria-valuemin': '0',
      'aria-valuemax': String(cells),
      'aria-valuenow': String(value),
      'aria-valuetext': words
    }))
      this._bar.setAttribute(name, text);
    this._bar.setAttribute('aria-label', this._station.textContent || station);
    this._fill.style.width = `${(100 * value) / cells}%`;
  }
  _showError(error) {
    this._error.hidden = null === error;
    if (null === error) return;
    const { cell, line, message } = error;
    setUntrusted(this._errorWords, errorText(error, this._trans), ERROR_LIMIT);
    setUntrusted(this._errorMessage, message ?? '', SENTENCE_LIMIT);
    setText(
      this._cell,
      null === cell
        ? ''
        : null === line
          ? this._trans.__('Go to cell %1', cell)
          : this._trans.__('Go to cell %1, line %2', cell, line)
    );
  }
  _shown = null;
  _mark = makeElement('span', 'mark');
  _name = makeElement('div', 'station-name');
  _station = makeElement('bdi', 'station');
  _combines = makeElement('span', 'combines');
  _word = makeElement('div', 'word');
  _bar = makeElement('div', 'bar', '', { role: 'progressbar' });
  _fill = makeElement('div', 'fill');
  _spent = makeElement('div', 'spent');
  _sentence = makeElement('div', 'sentence');
  _error = makeElement('div', 'error');
  _errorWords = makeElement('code', 'error-words');
  _errorMessage = makeElement('div', 'error-message');
  _cell = makeElement('button', 'link', '', { type: 'button' });
}
const view_NAME_LIMIT = 40;
const PARAMETERS_LIMIT = 120;
class JourneyView {
  _options;
  constructor(_options) {
    this._options = _options;
    const { actions, trans } = _options;
    this._of.append(`${trans.__('journey')} `, this._short);
    this._head.append(this._name, this._of, this._summary);
    this._notice.setAttribute('role', _options.isPart ? 'alert' : 'status');
    this._notice.hidden = true;
    this._open.addEventListener('click', () => {
      if (this._map) actions.openResults(this._map);
    });
    this._again.textContent = trans.__('Send again…');
    this._again.addEventListener('click', () => {
      if (this._map) actions.sendAgain?.(this._map);
    });
    this._again.hidden = void 0 === actions.sendAgain;
    this._resume.addEventListener('click', () => {
      if (this._map) actions.resume?.(this._map);
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
  node = makeElement('section', 'map');
  update(map, now = Date.now()) {
    const { trans, isPart } = this._options;
    if (map !== this._map) this._received = now;
    this._map = map;
    const name = truncateMiddle(map.train_name, view_NAME_LIMIT);
    const { tone, label } = journeyMark(map, trans);
    const doubted = contradictingStations(map);
    const summary = map.summary ?? label;
    this.node.dataset.tone = tone;
    if (isPart)
      this._list.setAttribute('aria-label', trans.__('Route of %1', name));
    else {
      this.node.setAttribute(
        'aria-label',
        trans.__('Journey %1 of %2', map.short, name)
      );
      setUntrusted(this._name, map.train_name, view_NAME_LIMIT);
      setUntrusted(this._short, map.short, view_NAME_LIMIT);
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
      map.stops.some(stop => 'departed' === stop.state)
    );
    this._rounds.update(map.rounds ?? null);
    this._cancel.update(this._isCancellable(map));
    this._finish.update(this._isFinishable(map));
    this._showResume(map);
    this._showFeet();
    this.tick(now);
  }
  tick(now = Date.now()) {
    for (const [key, stop] of this._shown)
      this._stops.get(key)?.showTime(this._secondsAt(stop, now));
  }
  notify(sentence) {
    setUntrusted(this._notice, sentence, 600);
    if (sentence) {
      this._cancel.reset();
      this._finish.reset();
      this._showFeet();
    }
  }
  set connection(connection) {
    this.node.dataset.connection = connection;
  }
  _showStops(map) {
    this._list.dataset.order = map.route ?? 'parallel';
    this._shown.clear();
    const turn = stationAtTurn(map);
    for (const stop of inRouteOrder(map.stops)) {
      const key = `${this._shown.size} ${stop.station}`;
      this._shown.set(key, stop);
      let view = this._stops.get(key);
      if (void 0 === view) {
        view = new StopView(this._options.trans, error => {
          if (this._map) this._options.actions.openCell(this._map, error);
        });
        this._stops.set(key, view);
      }
      view.update(stop, turn);
    }
    for (const [key, view] of this._stops)
      if (!this._shown.has(key)) {
        view.node.remove();
        this._stops.delete(key);
      }
    const nodes = [...this._shown.keys()].map(key => this._stops.get(key).node);
    if (nodes.some((node, place) => this._list.children[place] !== node))
      this._list.replaceChildren(...nodes);
  }
  _secondsAt(stop, now) {
    return stop.final || null === stop.seconds
      ? stopSeconds(stop, now)
      : stop.seconds + Math.max(now - this._received, 0) / 1e3;
  }
  _showFacts(map) {
    const { trans, isPart } = this._options;
    const parts = [];
    if (isPart) {
      const short = makeElement('code', 'short', map.short);
      short.title = map.id;
      parts.push([`${trans.__('Journey')} `, short]);
    }
    if (false === map.mine)
      parts.push([
        `${trans.__('by')} `,
        untrusted(map.researcher, view_NAME_LIMIT)
      ]);
    if (map.parameters) {
      const text = parametersText(map.parameters, trans);
      parts.push([untrusted(text, PARAMETERS_LIMIT)]);
    }
    if (map.continues)
      parts.push([
        `${trans.__('continues journey')} `,
        identifier(map.continues)
      ]);
    if (map.continued_by)
      parts.push([
        `${trans.__('continued by journey')} `,
        identifier(map.continued_by)
      ]);
    if (null !== map.removed)
      parts.push([
        trans.__('its results were removed when their time was over')
      ]);
    this._facts.replaceChildren(
      ...parts.flatMap((part, place) => (place ? [' · ', ...part] : part))
    );
    this._facts.hidden = 0 === parts.length;
  }
  _isCancellable(map) {
    const { actions, canCancel } = this._options;
    return (
      void 0 !== actions.cancel &&
      false !== map.mine &&
      !map.done &&
      !map.cancelled &&
      (canCancel?.(map) ?? true)
    );
  }
  _isFinishable(map) {
    const { actions, canCancel } = this._options;
    return (
      void 0 !== actions.finish &&
      false !== map.mine &&
      !map.done &&
      !map.cancelled &&
      !!map.rounds &&
      !map.rounds.ended &&
      (canCancel?.(map) ?? true)
    );
  }
  _showResume(map) {
    const { actions, trans } = this._options;
    const isShown = void 0 !== actions.resume && isResumable(map);
    setText(this._resume, isShown ? trans.__('Resume…') : '');
    this._resume.title = isShown
      ? trans.__(
          'Continue at %1, with what the station before it handed on',
          truncateMiddle(remainingStations(map)[0] ?? '', view_NAME_LIMIT)
        )
      : '';
  }
  _showFeet() {
    this._feet.hidden = [
      this._resume,
      this._open,
      this._again,
      this._finish.node,
      this._cancel.node
    ].every(node => node.hidden);
  }
  async _request(act) {
    if (this._map) {
      this.notify('');
      try {
        await act?.(this._map);
      } catch (error) {
        this.notify(error.message);
      }
    }
  }
  _map = null;
  _received = 0;
  _shown = new Map();
  _stops = new Map();
  _cancel;
  _finish;
  _rounds;
  _head = makeElement('header', 'head');
  _name = makeElement('bdi', 'name');
  _of = makeElement('span', 'of');
  _short = makeElement('code', 'short');
  _summary = makeElement('span', 'summary');
  _alarm = makeElement('p', 'alarm', '', { role: 'alert' });
  _list = makeElement('ol', 'route', '', { role: 'list' });
  _facts = makeElement('p', 'facts');
  _notice = makeElement('p', 'notice');
  _feet = makeElement('footer', 'feet');
  _open = makeElement('button', 'button', '', { type: 'button' });
  _again = makeElement('button', 'button', '', { type: 'button' });
  _resume = makeElement('button', 'button', '', { type: 'button' });
  _spoken = makeElement('div', 'spoken', '', { 'aria-live': 'polite' });
}
function identifier(id) {
  const short = makeElement('code', 'short');
  setUntrusted(short, id.replace(/^sha256:/, '').slice(0, 12), view_NAME_LIMIT);
  short.title = truncateMiddle(id, 100);
  return short;
}
function untrusted(text, limit) {
  const element = makeElement('bdi', 'fact');
  setUntrusted(element, text, limit);
  return element;
}
function onChange(model, traits, callback) {
  traits.forEach(trait => model.on(`change:${trait}`, callback));
  return () => traits.forEach(trait => model.off(`change:${trait}`, callback));
}
function dispatchToPage(type, detail) {
  return !window.dispatchEvent(
    new CustomEvent(type, { detail, cancelable: true })
  );
}
const fill = (text, values) =>
  text.replace(/%(\d+)/g, (mark, place) => {
    const value = values[Number(place) - 1];
    return void 0 === value ? mark : String(value);
  });
const choose = (one, many, n, values) =>
  fill(1 === n ? one : many, [n, ...values]);
const plainText = {
  __: (text, ...values) => fill(text, values),
  _n: (one, many, n, ...values) => choose(one, many, n, values),
  _p: (_, text, ...values) => fill(text, values),
  _np: (_, one, many, n, ...values) => choose(one, many, n, values),
  gettext: (text, ...values) => fill(text, values),
  ngettext: (one, many, n, ...values) => choose(one, many, n, values),
  pgettext: (_, text, ...values) => fill(text, values),
  npgettext: (_, one, many, n, ...values) => choose(one, many, n, values),
  dcnpgettext: (_domain, _context, one, many, n, ...values) =>
    choose(one, many, n, values)
};
const INTERVAL = 1e3;
function render({ model, el }) {
  let advice = '';
  const view = new JourneyView({
    trans: plainText,
    actions: {
      openCell: ({ id }, { cell, line }) => {
        if (!dispatchToPage('phtlab:open-cell', { cell, line, journey: id })) {
          advice = `It is cell ${cell}, counted from the top of the notebook.`;
          showNotice();
        }
      },
      openResults: ({ id, done }) => {
        if (!dispatchToPage('phtlab:open-results', { journey: id })) {
          const call = `phtlab.results(${done ? '' : 'partial=True'})`;
          advice = `In Python: ${call} opens them.`;
          showNotice();
        }
      },
      cancel: () => model.send({ do: 'cancel' }),
      finish: () => model.send({ do: 'finish' })
    }
  });
  const showNotice = () => {
    const connection = model.get('connection');
    const reason = model.get('notice');
    view.connection = connection;
    let notice = reason;
    if ('lost' === connection)
      notice = `Connection lost; this is the state of before. Trying again. ${reason}`;
    else if ('over' === connection && reason)
      notice = `No longer live. ${reason}`;
    view.notify(notice || advice);
  };
  const showRoute = () => view.update(model.get('route'));
  showRoute();
  showNotice();
  el.append(view.node);
  const stop = [
    onChange(model, ['route'], showRoute),
    onChange(model, ['connection', 'notice'], showNotice)
  ];
  const clock = window.setInterval(() => view.tick(), INTERVAL);
  return () => {
    window.clearInterval(clock);
    stop.forEach(each => each());
  };
}
const widgets_journey = { render };
var __webpack_exports__default = __webpack_exports__['default'];
export { __webpack_exports__default as default };
