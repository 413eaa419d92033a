/**
 * A plot of what combine cells report: a panel for each name, as units differ; x is the round.
 */
import { TranslationBundle } from '@jupyterlab/translation';

import { makeElement } from '../components/elements';
import { truncateMiddle } from '../text/untrusted';
import { IReportedLine, IRouteRounds } from './routeMap';

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 300;
const HEIGHT = 130;
const LEFT = 46;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 22;
const LABEL_LIMIT = 32;
/** From this ratio of the greatest to the least on, the y axis is logarithmic. */
const WIDE = 100;

export class RoundsPlot {
  constructor(private readonly _trans: TranslationBundle) {}

  readonly node = makeElement('div', 'plots');

  update({ lines, number }: Pick<IRouteRounds, 'lines' | 'number'>): void {
    const shown = lines.filter(line => line.rounds.length > 0);
    const key = JSON.stringify(shown);
    if (key !== this._key) {
      this._key = key;
      this.node.replaceChildren(
        ...shown.map((line, place) => this._panel(line, place, number))
      );
    }
    this.node.hidden = shown.length === 0;
  }

  private _panel(
    line: IReportedLine,
    place: number,
    number: number
  ): HTMLElement {
    const panel = makeElement('figure', 'plot');
    panel.dataset.colour = String(place % 6);
    const name = truncateMiddle(line.name, LABEL_LIMIT);
    const last = line.values[line.values.length - 1];
    const head = makeElement('figcaption', 'plot-head');
    head.append(
      makeElement('bdi', 'plot-name', name),
      makeElement('span', 'plot-last', valueText(last))
    );
    const svg = element('svg', {
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

  private _key = '';
}

function draw(line: IReportedLine, number: number): SVGElement[] {
  const { rounds, values } = line;
  const scale = yScale(values);
  const end = Math.max(number, rounds[rounds.length - 1]);
  const x = (round: number) =>
    LEFT + ((round - 1) / Math.max(end - 1, 1)) * (WIDTH - RIGHT - LEFT);
  const y = (value: number) =>
    HEIGHT - BOTTOM - scale.at(value) * (HEIGHT - BOTTOM - TOP);
  const parts: SVGElement[] = [];
  for (const tick of scale.ticks) {
    parts.push(
      element('line', {
        class: 'pht-journey-plot-tick',
        x1: LEFT,
        x2: WIDTH - RIGHT,
        y1: y(tick),
        y2: y(tick)
      }),
      text(valueText(tick), LEFT - 6, y(tick) + 3.5, 'end')
    );
  }
  for (const tick of roundTicks(end)) {
    parts.push(text(String(tick), x(tick), HEIGHT - 6, 'middle'));
  }
  const points = rounds.map((round, place) => [x(round), y(values[place])]);
  parts.push(
    element('polyline', {
      class: 'pht-journey-plot-line',
      points: points.map(point => point.map(rounded).join(',')).join(' ')
    })
  );
  const dots = points.length <= 30 ? points : points.slice(-1);
  for (const [cx, cy] of dots) {
    const isLast = cx === points[points.length - 1][0];
    parts.push(
      element('circle', {
        class: 'pht-journey-plot-point',
        cx: rounded(cx),
        cy: rounded(cy),
        r: isLast ? 4 : 2.5
      })
    );
  }
  return parts;
}

export interface IYScale {
  /** From 0, the least, to 1. */
  at: (value: number) => number;
  ticks: number[];
}

/** Logarithmic where all are positive and of different magnitude, as errors of a fit are. */
export function yScale(values: readonly number[]): IYScale {
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  if (low > 0 && high / low >= WIDE) {
    const [from, to] = [
      Math.floor(Math.log10(low)),
      Math.ceil(Math.log10(high))
    ];
    const step = Math.ceil((to - from) / 4);
    const ticks: number[] = [];
    for (let power = from; power <= to; power += step) {
      ticks.push(10 ** power);
    }
    return { at: value => (Math.log10(value) - from) / (to - from), ticks };
  }
  const margin = (high - low) * 0.05 || Math.abs(high) * 0.5 || 1;
  const [from, to] = [low - margin, high + margin];
  const rough = (to - from) / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(n => n * power).find(s => s >= rough)!;
  const ticks: number[] = [];
  for (let n = Math.ceil(from / step); n * step <= to; n++) {
    ticks.push(Number((n * step).toPrecision(12)));
  }
  return { at: value => (value - from) / (to - from), ticks };
}

/** Whole rounds, the first one among them. */
export function roundTicks(end: number): number[] {
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].find(
    each => end / each <= 8
  )!;
  const ticks = [1];
  for (let tick = step; tick <= end; tick += step) {
    if (tick > 1 && (tick - 1) / end > 0.06) {
      ticks.push(tick);
    }
  }
  return ticks;
}

export function valueText(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) {
    return value.toExponential(1).replace('.0e', 'e').replace('e+', 'e');
  }
  return String(Number(value.toPrecision(4)));
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

function text(words: string, x: number, y: number, anchor: string): SVGElement {
  const node = element('text', { x, y, 'text-anchor': anchor });
  node.textContent = words;
  return node;
}

function element(
  name: string,
  attributes: { [name: string]: string | number }
): SVGElement {
  const node = document.createElementNS(SVG, name) as SVGElement;
  for (const [key, value] of Object.entries(attributes)) {
    node.setAttribute(key, String(value));
  }
  return node;
}
