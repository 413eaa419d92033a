/**
 * The live map of a journey. Loaded by anywidget from the kernel; fetches nothing.
 *
 * What others wrote (names, sentences, errors) only ever becomes text, never markup.
 */

const OPEN_CELL = 'phtlab:open-cell';
const OPEN_RESULTS = 'phtlab:open-results';

/** An element with a class, text and attributes. */
function make(tag, name, text = '', attributes = {}) {
  const node = document.createElement(tag);
  node.className = `pht-journey-${name}`;
  node.textContent = text;
  for (const [key, value] of Object.entries(attributes)) {
    node.setAttribute(key, value);
  }
  return node;
}

/** Set text only where it changed: a screen reader hears what is new. */
function say(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
  node.hidden = text === '';
}

function duration(seconds) {
  const whole = Math.floor(seconds);
  if (whole < 60) {
    return `${whole} s`;
  }
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes} min ${whole % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Tell the page; whether something there took it on. */
function tell(kind, detail) {
  return !window.dispatchEvent(
    new CustomEvent(kind, { detail, cancelable: true })
  );
}

/** One stop of the map; `update` shows its present state. */
class Stop {
  constructor(journey, explain) {
    this.journey = journey;
    this.node = make('li', 'stop', '', { role: 'listitem' });
    const rail = make('div', 'rail', '', { 'aria-hidden': 'true' });
    this.mark = make('span', 'mark');
    rail.append(this.mark);
    this.station = make('bdi', 'station');
    this.word = make('div', 'word');
    this.bar = make('div', 'bar', '', { role: 'progressbar' });
    this.bar.setAttribute('aria-valuemin', '0');
    this.fill = make('div', 'fill');
    this.bar.append(this.fill);
    this.spent = make('div', 'spent');
    this.sentence = make('div', 'sentence');
    this.error = make('div', 'error');
    this.words = make('code', 'error-words');
    this.cell = make('button', 'link', '', { type: 'button' });
    this.cell.addEventListener('click', () => {
      const { cell, line } = this.failed;
      if (!tell(OPEN_CELL, { cell, line, journey: this.journey })) {
        explain(`It is cell ${cell}, counted from the top of the notebook.`);
      }
    });
    this.place = make('span', 'place');
    this.error.append(this.words, this.place, this.cell);
    this.node.append(
      rail,
      this.station,
      this.word,
      this.bar,
      this.spent,
      this.sentence,
      this.error
    );
  }

  update(stop) {
    this.node.dataset.tone = stop.tone;
    this.node.dataset.state = stop.state;
    this.node.classList.toggle('pht-mod-busy', !stop.final && stop.tone === 'active');
    say(this.mark, stop.mark);
    say(this.station, stop.station);
    this.station.title = stop.title;
    say(this.word, stop.word);
    this.bar.hidden = !stop.cells;
    if (stop.cells) {
      this.bar.setAttribute('aria-valuemax', String(stop.cells));
      this.bar.setAttribute('aria-valuenow', String(stop.cell));
      this.bar.setAttribute('aria-valuetext', stop.word);
      this.bar.setAttribute('aria-label', stop.station);
      this.fill.style.width = `${Math.min(100, (100 * stop.cell) / stop.cells)}%`;
    }
    // The kernel says how long it has run; from there on this page's clock counts.
    this.since =
      stop.seconds === null ? null : performance.now() - 1000 * stop.seconds;
    this.told = stop.spent;
    this.tick();
    say(this.sentence, stop.sentence);
    this.failed = stop.error;
    this.error.hidden = !stop.error;
    if (stop.error) {
      say(this.words, stop.error.words);
      say(this.cell, stop.error.cell === null ? '' : `Go to ${stop.error.place}`);
      say(this.place, stop.error.cell === null ? stop.error.place : '');
    }
  }

  tick() {
    say(
      this.spent,
      this.since === null
        ? this.told
        : `running for ${duration((performance.now() - this.since) / 1000)}`
    );
  }
}

function render({ model, el }) {
  const root = make('section', 'map', '');
  const head = make('header', 'head');
  const name = make('bdi', 'name');
  const short = make('code', 'short');
  const summary = make('span', 'summary');
  const of = make('span', 'of', 'journey ');
  of.append(short);
  head.append(name, of, summary);

  const alarm = make('p', 'alarm', '', { role: 'alert' });
  const list = make('ol', 'route', '', { role: 'list' });
  const notice = make('p', 'notice', '', { role: 'status' });
  const feet = make('footer', 'feet');
  const cancel = make('button', 'button', 'Cancel…', { type: 'button' });
  const ask = make('span', 'ask', '', { role: 'group' });
  const question = make('span', 'question', 'Ask all stations to stop?');
  const yes = make('button', 'button pht-mod-warn', 'Cancel the journey', {
    type: 'button'
  });
  const no = make('button', 'button', 'Keep going', { type: 'button' });
  ask.append(question, yes, no);
  ask.setAttribute('aria-label', question.textContent);
  const open = make('button', 'button pht-mod-accept', '', { type: 'button' });
  feet.append(cancel, ask, open);
  const spoken = make('div', 'spoken', '', { 'aria-live': 'polite' });
  root.append(head, alarm, list, notice, feet, spoken);
  el.append(root);

  const stops = new Map();
  let asking = false;
  let asked = false;
  let explained = '';

  const explain = sentence => {
    explained = sentence;
    showNotice();
  };

  function showNotice() {
    const connection = model.get('connection');
    const reason = model.get('notice');
    root.dataset.connection = connection;
    let words = reason;
    if (connection === 'lost') {
      words = `Connection lost; this is the state of before. Trying again. ${reason}`;
    } else if (connection === 'over' && reason) {
      words = `No longer live. ${reason}`;
    }
    if (words) {
      asked = false;
    }
    say(notice, words || explained);
    showFeet();
  }

  function showFeet() {
    const route = model.get('route');
    cancel.hidden = route.done || route.cancelled || asking;
    cancel.disabled = asked;
    cancel.textContent = asked ? 'Asking the stations to stop…' : 'Cancel…';
    ask.hidden = route.done || route.cancelled || !asking;
    open.hidden = !route.results;
    open.textContent = route.results;
    feet.hidden = cancel.hidden && ask.hidden && open.hidden;
  }

  function showRoute() {
    const route = model.get('route');
    root.setAttribute('aria-label', `Journey ${route.short} of ${route.name}`);
    root.dataset.tone = route.tone;
    say(name, route.name);
    name.title = route.title;
    say(short, route.short);
    say(summary, route.summary);
    say(alarm, route.alarm);
    list.dataset.order = route.order;
    route.stops.forEach((stop, place) => {
      const key = `${place} ${stop.title}`;
      if (!stops.has(key)) {
        const made = new Stop(route.id, explain);
        stops.set(key, made);
        list.append(made.node);
      }
      stops.get(key).update(stop);
    });
    say(spoken, `${route.name}: ${route.summary}`);
    spoken.hidden = false;
    showNotice();
  }

  function choose(now) {
    asking = now;
    showFeet();
    (now ? no : cancel).focus();
  }

  cancel.addEventListener('click', () => choose(true));
  no.addEventListener('click', () => choose(false));
  ask.addEventListener('keydown', event => {
    if (event.key === 'Escape') {
      event.stopPropagation();
      choose(false);
    }
  });
  yes.addEventListener('click', () => {
    asking = false;
    asked = true;
    showFeet();
    model.send({ do: 'cancel' });
  });
  open.addEventListener('click', () => {
    if (!tell(OPEN_RESULTS, { journey: model.get('route').id })) {
      explain(
        model.get('route').done
          ? 'In Python: phtlab.results() opens them.'
          : 'In Python: phtlab.results(partial=True) opens them.'
      );
    }
  });

  model.on('change:route', showRoute);
  model.on('change:notice', showNotice);
  model.on('change:connection', showNotice);
  const clock = setInterval(() => stops.forEach(stop => stop.tick()), 1000);
  showRoute();

  return () => {
    clearInterval(clock);
    model.off('change:route', showRoute);
    model.off('change:notice', showNotice);
    model.off('change:connection', showNotice);
  };
}

export default { render };
