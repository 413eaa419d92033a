/**
 * A table of results: sortable, truncated when long, copied as CSV.
 */
import { Clipboard } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Name } from '../text/name';
import {
  Direction,
  ICombinedTable,
  isNumeric,
  sortRows
} from './combinedTable';
import { toCsv } from './csv';
import { fullText, isMissing, shortText } from './valueText';

/** Rows that are drawn at once, and how many more at a time. */
const PAGE = 200;

interface ISort {
  column: number;
  direction: Direction;
}

export function ResultsTable(props: {
  trans: TranslationBundle;
  table: ICombinedTable;
  /** What it is called, for who does not see it. */
  label: string;
}): JSX.Element {
  const { trans, table, label } = props;
  const [sort, setSort] = React.useState<ISort | null>(null);
  const [limit, setLimit] = React.useState(PAGE);
  const [copied, setCopied] = React.useState(false);
  const rows = React.useMemo(
    () =>
      sort ? sortRows(table.rows, sort.column, sort.direction) : table.rows,
    [table, sort]
  );
  const numeric = React.useMemo(
    () => table.columns.map((_, column) => isNumeric(table.rows, column)),
    [table]
  );
  const visible = rows.slice(0, limit);
  const copy = () => {
    Clipboard.copyToSystem(toCsv(table.columns, rows));
    setCopied(true);
  };
  return (
    <div className="pht-ResultsTable">
      {/* A region that scrolls can be scrolled by keyboard if it can have the focus. */}
      <div
        className="pht-ResultsTable-scroll"
        role="region"
        aria-label={label}
        tabIndex={0}
      >
        <table>
          <thead>
            <tr>
              {table.columns.map((name, column) => (
                <Heading
                  key={column}
                  trans={trans}
                  name={name}
                  numeric={numeric[column]}
                  direction={sort?.column === column ? sort.direction : null}
                  onClick={() => setSort(next(sort, column))}
                />
              ))}
            </tr>
          </thead>
          <tbody>
            {visible.map((row, number) => (
              <tr key={number}>
                {row.map((value, column) => (
                  <Cell
                    key={column}
                    trans={trans}
                    value={value}
                    numeric={numeric[column]}
                    heads={column === 0}
                  />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div className="pht-ResultsTable-foot">
        <span>
          {limit < rows.length
            ? trans.__('%1 of %2 rows are drawn.', limit, rows.length)
            : trans._n('%1 row', '%1 rows', rows.length)}
        </span>
        {limit < rows.length && (
          <button
            className="pht-TextButton"
            onClick={() => setLimit(limit + PAGE)}
          >
            {trans.__('Draw %1 more', Math.min(PAGE, rows.length - limit))}
          </button>
        )}
        {table.cut.length > 0 && (
          <span className="pht-ResultsTable-cut">
            {table.cut.map(({ station, shown, total }) => (
              <span key={station}>
                <Name text={station} limit={24} />
                {': '}
                {trans.__(
                  'the first %1 of %2 rows.',
                  shown.toLocaleString(),
                  total.toLocaleString()
                )}{' '}
              </span>
            ))}
            {trans.__('An export, or a notebook, has them all.')}
          </span>
        )}
        <span className="pht-Spacer" />
        <button className="jp-mod-styled" onClick={copy}>
          {trans.__('Copy as CSV')}
        </button>
        <span role="status">{copied ? trans.__('✓ copied') : ''}</span>
      </div>
    </div>
  );
}

function Heading(props: {
  trans: TranslationBundle;
  name: string;
  numeric: boolean;
  direction: Direction | null;
  onClick: () => void;
}): JSX.Element {
  const { direction } = props;
  return (
    <th
      scope="col"
      aria-sort={direction ?? 'none'}
      className={props.numeric ? 'pht-mod-number' : undefined}
    >
      <button
        onClick={props.onClick}
        title={props.trans.__('Sort by this column')}
      >
        <Name text={props.name} limit={32} />
        <span aria-hidden="true" className="pht-SortMark">
          {direction === 'ascending'
            ? '▲'
            : direction === 'descending'
              ? '▼'
              : '↕'}
        </span>
      </button>
    </th>
  );
}

/** The longest text that a cell shows in full. */
const CELL = 80;

function Cell(props: {
  trans: TranslationBundle;
  value: unknown;
  numeric: boolean;
  heads: boolean;
}): JSX.Element {
  const { value } = props;
  if (isMissing(value)) {
    return (
      <td className="pht-mod-missing">
        <span aria-label={props.trans.__('missing')}>–</span>
      </td>
    );
  }
  const text = shortText(value);
  if (props.heads) {
    return (
      <th scope="row">
        <Name text={text} limit={32} />
      </th>
    );
  }
  if (props.numeric) {
    const whole = fullText(value);
    return (
      <td className="pht-mod-number" title={whole === text ? undefined : whole}>
        {text}
      </td>
    );
  }
  return (
    <td>
      <Name text={text} limit={CELL} />
    </td>
  );
}

/** Ascending, descending, as it came. */
function next(sort: ISort | null, column: number): ISort | null {
  if (sort?.column !== column) {
    return { column, direction: 'ascending' };
  }
  return sort.direction === 'ascending'
    ? { column, direction: 'descending' }
    : null;
}
