/**
 * The notebook that a new federated analysis begins with: one cell a role, ready to travel.
 */
import type { IColumn, IDataSet, IStation } from '../server/api';

export interface ICellSource {
  cell_type: 'markdown' | 'code';
  source: string;
  tags: string[];
}

/** What a name must be like to become part of a parameter's name. */
const IDENTIFIER = /^[a-z][a-z0-9_]{0,40}$/;

/** The data set that most stations have; of those the first by name. */
export function suggestDataSet(stations: readonly IStation[]): IDataSet | null {
  const having = new Map<string, IDataSet[]>();
  for (const station of stations) {
    for (const dataset of station.datasets) {
      having.set(dataset.name, [...(having.get(dataset.name) ?? []), dataset]);
    }
  }
  const ranked = [...having.entries()].sort(
    ([a, ofA], [b, ofB]) => ofB.length - ofA.length || (a < b ? -1 : 1)
  );
  return ranked.length ? ranked[0][1][0] : null;
}

/**
 * The cells of a new analysis of `dataset`: title, parameters, station, local (send, then wait), aggregate.
 *
 * Sound as they stand: `phtlab train check` has nothing to say about them.
 */
export function analysisCells(dataset: IDataSet | null): ICellSource[] {
  const name = dataset?.name ?? 'heart';
  const frame = IDENTIFIER.test(name) ? name : 'frame';
  const bound = boundColumn(dataset);
  const group = groupColumn(dataset);
  const parameter = `min_${bound.name}`;
  const column = `${frame}[${python(bound.name)}]`;
  return [
    markdown(
      '# A federated analysis\n\n' +
        'What do you want to know, about whom, and at which stations? This title and this text ' +
        'stay here; the cells marked **parameters** and **station** travel, as they stand.'
    ),
    code(
      'from typing import Annotated\n\nfrom annotated_types import Interval\n\n' +
        `${parameter}: Annotated[${bound.type}, Interval(ge=${bound.low}, le=${bound.high})] = ` +
        `${bound.low}  # the smallest ${bound.name} to include`,
      'parameters'
    ),
    code(
      'import phtlab\n\n' +
        `${frame} = phtlab.dataset(${python(name)})\n` +
        `cohort = ${frame}[${column} >= ${parameter}]\n` +
        `counts = cohort.groupby(${python(group)}, observed=True).size().rename("n").reset_index()\n` +
        'phtlab.publish("counts", counts, counts="n")',
      'station'
    ),
    code(
      'import phtlab\n\n' +
        '# The page asks before it sends anything: press Send there.\n' +
        `journey = phtlab.connect().dispatch(stations="all", parameters={"${parameter}": ${bound.low}})\n` +
        'journey'
    ),
    code('journey.wait()'),
    code(
      'import phtlab\n\n' +
        '# What stations withheld is said above the numbers.\n' +
        'counts = phtlab.results().table("counts")\n' +
        `counts.groupby(${python(group)}).n.sum()`,
      'aggregate'
    )
  ];
}

/** The cells as a notebook document. */
export function toNotebook(cells: ICellSource[]): object {
  return {
    cells: cells.map((cell, number) => ({
      cell_type: cell.cell_type,
      id: `cell-${number + 1}`,
      metadata: cell.tags.length ? { tags: cell.tags } : {},
      source: cell.source,
      ...(cell.cell_type === 'code'
        ? { execution_count: null, outputs: [] }
        : {})
    })),
    metadata: {
      kernelspec: {
        name: 'python3',
        display_name: 'Python 3 (ipykernel)',
        language: 'python'
      },
      language_info: { name: 'python' }
    },
    nbformat: 4,
    nbformat_minor: 5
  };
}

function boundColumn(dataset: IDataSet | null): {
  name: string;
  type: 'int' | 'float';
  low: number;
  high: number;
} {
  const usable = (dataset?.columns ?? []).filter(
    column =>
      IDENTIFIER.test(column.name) &&
      isNumber(column) &&
      column.minimum !== null &&
      column.maximum !== null &&
      column.minimum < column.maximum
  );
  const found = usable.find(column => column.name === 'age') ?? usable[0];
  if (!found || found.minimum === null || found.maximum === null) {
    return { name: 'age', type: 'int', low: 18, high: 100 };
  }
  return {
    name: found.name,
    type: found.type === 'integer' ? 'int' : 'float',
    low: found.minimum,
    high: found.maximum
  };
}

function groupColumn(dataset: IDataSet | null): string {
  const columns = dataset?.columns ?? [];
  const found =
    columns.find(column => column.name === 'sex') ??
    columns.find(
      column =>
        (column.categories?.length ?? 0) >= 2 &&
        (column.categories?.length ?? 0) <= 12
    );
  return found?.name ?? 'sex';
}

function isNumber(column: IColumn): boolean {
  return column.type === 'integer' || column.type === 'number';
}

/** A Python string literal; JSON's are Python's. */
function python(text: string): string {
  return JSON.stringify(text);
}

function markdown(source: string): ICellSource {
  return { cell_type: 'markdown', source, tags: [] };
}

function code(source: string, ...tags: string[]): ICellSource {
  return { cell_type: 'code', source, tags };
}
