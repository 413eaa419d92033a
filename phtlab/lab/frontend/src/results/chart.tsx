/**
 * Figures redrawn from their numbers on the same axes for each station, for comparison.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Name } from '../text/name';
import { truncateMiddle } from '../text/untrusted';
import {
  IDrawing,
  IMark,
  IScale,
  Range,
  commonScale,
  inDrawingOrder,
  ticks
} from './chartMarks';
import { shortText } from './valueText';

const WIDTH = 320;
const HEIGHT = 240;
const LEFT = 44;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 28;
/** How many colours there are; further series begin anew. */
const COLOURS = 6;
/** How many names fit below the x axis. */
const NAMES = 8;

export function ResultsChart(props: {
  trans: TranslationBundle;
  name: string;
  drawings: readonly IDrawing[];
}): JSX.Element {
  const { trans, name, drawings } = props;
  const scale = React.useMemo(() => commonScale(drawings), [drawings]);
  return (
    <>
      {scale.series.some(series => series) && (
        <ul className="pht-Legend" aria-label={trans.__('Series')}>
          {scale.series.map((series, number) => (
            <li key={series} data-colour={number % COLOURS}>
              <span className="pht-Legend-mark" aria-hidden="true" />
              <Name text={series || trans.__('others')} limit={40} />
            </li>
          ))}
        </ul>
      )}
      <div className="pht-Multiples" data-columns={columnsOf(drawings.length)}>
        {drawings.map(drawing => (
          <figure className="pht-Multiple" key={drawing.station}>
            <figcaption>
              <Name text={drawing.station} limit={32} />
            </figcaption>
            <Drawing
              drawing={drawing}
              scale={scale}
              label={trans.__(
                '%1 of %2, drawn anew',
                truncateMiddle(name, 60),
                truncateMiddle(drawing.station, 60)
              )}
            />
          </figure>
        ))}
      </div>
    </>
  );
}

/** Four are two by two; what is compared should be large enough to see. */
export function columnsOf(count: number): number {
  return count === 4 ? 2 : Math.min(Math.max(count, 1), 3);
}

function Drawing(props: {
  drawing: IDrawing;
  scale: IScale;
  label: string;
}): JSX.Element {
  const { drawing, scale, label } = props;
  const x = along(scale.x, LEFT, WIDTH - RIGHT);
  const y = along(scale.y, HEIGHT - BOTTOM, TOP);
  const colour = (mark: IMark) => scale.series.indexOf(mark.series) % COLOURS;
  const named = drawing.names.size > 0 && drawing.names.size <= NAMES;
  const below = named
    ? [...drawing.names].map(([place, text]) => ({ place, text }))
    : ticks(scale.x).map(place => ({ place, text: shortText(place) }));
  return (
    <svg
      className="pht-Drawn"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={label}
    >
      {ticks(scale.y).map(place => (
        <g key={place} className="pht-Drawn-tick">
          <line x1={LEFT} x2={WIDTH - RIGHT} y1={y(place)} y2={y(place)} />
          <text x={LEFT - 6} y={y(place)} textAnchor="end" dy="0.32em">
            {shortText(place)}
          </text>
        </g>
      ))}
      {below.map(({ place, text }) => (
        <text
          key={place}
          className="pht-Drawn-label"
          x={x(place)}
          y={HEIGHT - BOTTOM + 16}
          textAnchor="middle"
        >
          {truncateMiddle(text, Math.max(Math.floor(44 / below.length), 4))}
        </text>
      ))}
      {linesOf(drawing.marks).map((line, number) => (
        <polyline
          key={`line-${number}`}
          data-colour={colour(line[0])}
          points={line.map(mark => `${x(mark.x)},${y(mark.y)}`).join(' ')}
        />
      ))}
      {inDrawingOrder(drawing.marks).map((mark, number) => (
        <Mark
          key={number}
          mark={mark}
          colour={colour(mark)}
          x={x}
          y={y}
          title={titleOf(mark, drawing)}
        />
      ))}
      <line
        className="pht-Drawn-axis"
        x1={LEFT}
        x2={WIDTH - RIGHT}
        y1={y(Math.max(scale.y[0], 0))}
        y2={y(Math.max(scale.y[0], 0))}
      />
    </svg>
  );
}

function Mark(props: {
  mark: IMark;
  colour: number;
  x: (value: number) => number;
  y: (value: number) => number;
  title: string;
}): JSX.Element | null {
  const { mark, x, y, title } = props;
  switch (mark.shape) {
    case 'bar': {
      const width = x(mark.high) - x(mark.low);
      return (
        <rect
          data-colour={props.colour}
          x={x(mark.low) + Math.min(width / 20, 1)}
          width={Math.max(width - Math.min(width / 10, 2), 0.5)}
          y={Math.min(y(mark.y), y(0))}
          height={Math.abs(y(mark.y) - y(0))}
        >
          <title>{title}</title>
        </rect>
      );
    }
    case 'span':
      return (
        <line
          data-colour={props.colour}
          x1={x(mark.x)}
          x2={x(mark.x)}
          y1={y(mark.low)}
          y2={y(mark.high)}
        />
      );
    case 'point':
      return (
        <circle data-colour={props.colour} cx={x(mark.x)} cy={y(mark.y)} r={3}>
          <title>{title}</title>
        </circle>
      );
    default:
      return null;
  }
}

/** What lies on one line: neighbours of one series. */
function linesOf(marks: readonly IMark[]): IMark[][] {
  const lines = new Map<string, IMark[]>();
  for (const mark of marks) {
    if (mark.shape === 'line') {
      lines.set(mark.series, [...(lines.get(mark.series) ?? []), mark]);
    }
  }
  return [...lines.values()];
}

function titleOf(mark: IMark, drawing: IDrawing): string {
  const place = drawing.names.get(mark.x) ?? shortText(mark.x);
  const at = `${truncateMiddle(place, 60)}: ${shortText(mark.y)}`;
  return mark.series ? `${truncateMiddle(mark.series, 60)}, ${at}` : at;
}

function along([low, high]: Range, from: number, to: number) {
  return (value: number) => from + ((value - low) / (high - low)) * (to - from);
}
