/**
 * The numbers that a figure is drawn from, read back to be drawn on one scale for all stations.
 *
 * A figure brings a table of its marks (`phtlab/runtime/figure.py`): axes, artist, series, x, y, and
 * where there are some x_text, low and high. What cannot be drawn anew faithfully is not drawn.
 */
import { ITable } from '../server/api';
import { IPart } from './outputs';

export type Shape = 'bar' | 'line' | 'point' | 'span';

export interface IMark {
  shape: Shape;
  series: string;
  x: number;
  /** A bar's end; of a span its middle. */
  y: number;
  /** Of a bar the span on the x axis, of a span that on the y axis. */
  low: number;
  high: number;
}

export interface IDrawing {
  station: string;
  marks: IMark[];
  /** What positions on the x axis are called, if they have names. */
  names: Map<number, string>;
}

export type Range = readonly [low: number, high: number];

export interface IScale {
  x: Range;
  y: Range;
  /** The series of all stations, so that each has one colour everywhere. */
  series: string[];
}

/** Of each artist, as what it is drawn; of others nothing is known. */
const SHAPES: ReadonlyMap<unknown, Shape> = new Map<string, Shape>([
  ['bar', 'bar'],
  ['rectangle', 'bar'],
  ['line', 'line'],
  ['stem', 'line'],
  ['errorbar', 'point'],
  ['scatter', 'point']
]);

/** The parts as drawings; null if one of them cannot be drawn anew, or is not here whole. */
export function drawings(parts: readonly IPart[]): IDrawing[] | null {
  const drawn: IDrawing[] = [];
  for (const { station, output } of parts) {
    const stationDrawing = output.table ? drawing(station, output.table) : null;
    if (stationDrawing === null) {
      return null;
    }
    drawn.push(stationDrawing);
  }
  return drawn.length > 1 ? drawn : null;
}

function drawing(station: string, table: ITable): IDrawing | null {
  if (table.total > table.rows.length || table.rows.length === 0) {
    return null;
  }
  const at = (name: string) => table.columns.indexOf(name);
  const places = {
    axes: at('axes'),
    artist: at('artist'),
    series: at('series'),
    x: at('x'),
    y: at('y')
  };
  if (Object.values(places).some(place => place < 0)) {
    return null;
  }
  const [lowAt, highAt, nameAt] = [at('low'), at('high'), at('x_text')];
  const marks: IMark[] = [];
  const names = new Map<number, string>();
  for (const row of table.rows) {
    const shape = SHAPES.get(row[places.artist]);
    if (row[places.axes] !== 1 || shape === undefined) {
      return null;
    }
    const mark = markOf(shape, String(row[places.series] ?? ''), {
      x: row[places.x],
      y: row[places.y],
      low: row[lowAt],
      high: row[highAt]
    });
    if (mark === null) {
      return null;
    }
    marks.push(mark);
    const name = row[nameAt];
    if (typeof name === 'string') {
      names.set(mark.x, name);
    }
  }
  return { station, marks, names };
}

function markOf(
  shape: Shape,
  series: string,
  columns: { [name: string]: unknown }
): IMark | null {
  const { x, y, low, high } = columns;
  const isSpanned = isNumber(low) && isNumber(high);
  if (!isNumber(x)) {
    return null;
  }
  if (shape === 'bar') {
    // One that lies down has its span on the other axis.
    const isVertical =
      isSpanned && Math.abs((low + high) / 2 - x) <= 1e-9 * (1 + Math.abs(x));
    return isVertical && isNumber(y)
      ? { shape, series, x, y, low, high }
      : null;
  }
  if (!isNumber(y)) {
    return isSpanned
      ? { shape: 'span', series, x, y: (low + high) / 2, low, high }
      : null;
  }
  return { shape, series, x, y, low: y, high: y };
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** One scale that holds all of them; bars stand on zero. */
export function commonScale(all: readonly IDrawing[]): IScale {
  const marks = all.flatMap(item => item.marks);
  const xs: number[] = [];
  const ys: number[] = [];
  for (const mark of marks) {
    const isBar = mark.shape === 'bar';
    xs.push(...(isBar ? [mark.low, mark.high] : [mark.x]));
    ys.push(...(isBar ? [0, mark.y] : [mark.low, mark.high]));
  }
  return {
    x: rangeOf(xs, marks.every(mark => mark.shape === 'bar') ? 0 : 0.04),
    y: rangeOf(ys, 0.05),
    series: [...new Set(marks.map(mark => mark.series))]
  };
}

/** From the least to the greatest, with a margin, except at zero. */
function rangeOf(values: readonly number[], margin: number): Range {
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  if (low === high) {
    return low === 0
      ? [0, 1]
      : [low - Math.abs(low) / 2, low + Math.abs(low) / 2];
  }
  const more = margin * (high - low);
  return [low === 0 ? 0 : low - more, high === 0 ? 0 : high + more];
}

/** Round numbers within `range`, about `wanted` of them. */
export function ticks([low, high]: Range, wanted = 5): number[] {
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(n => n * power).find(s => s >= rough)!;
  const positions: number[] = [];
  for (let n = Math.ceil(low / step); n * step <= high; n++) {
    // 3 * 0.1 is not 0.3, and nobody wants to read so.
    positions.push(Number((n * step).toPrecision(12)));
  }
  return positions;
}

/** Bars of one place one before the other: the shorter in front, so that stacks are seen. */
export function inDrawingOrder(marks: readonly IMark[]): IMark[] {
  const order: Shape[] = ['bar', 'span', 'line', 'point'];
  return [...marks].sort(
    (a, b) =>
      order.indexOf(a.shape) - order.indexOf(b.shape) ||
      (a.shape === 'bar' ? Math.abs(b.y) - Math.abs(a.y) : 0)
  );
}
