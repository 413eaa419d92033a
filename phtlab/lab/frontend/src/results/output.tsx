/**
 * One output over the stations: as table, figures, values, shapes, and what stayed behind.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Name, SENTENCE_LIMIT } from '../text/name';
import { sizeText } from '../text/size';
import { isolateName, truncateMiddle } from '../text/untrusted';
import { combineTables } from './combinedTable';
import { ResultsFigures } from './figures';
import { ResultsForecast } from './forecast';
import { IMissing, INote, IOutputGroup, IPart } from './outputs';
import { ResultsTable } from './table';
import { fullText, shapeText, shortText } from './valueText';

interface IOutputProps {
  trans: TranslationBundle;
  group: IOutputGroup;
}

export function ResultsOutput(
  props: IOutputProps & { stations: number }
): JSX.Element {
  const { trans, group } = props;
  const sent = new Set(group.parts.map(({ station }) => station));
  // What a station handed on alone does not come from it.
  const only = group.handedOn.filter(({ station }) => !sent.has(station));
  const stations = props.stations - only.length;
  return (
    <div className="pht-Output">
      <p className="pht-Hint">
        {group.parts.length
          ? trans.__(
              '%1 from %2 of %3',
              kindLabel(group.kind, trans),
              group.parts.length,
              trans._n('%1 station', '%1 stations', stations)
            )
          : only.length
            ? trans.__('No station has sent it to you.')
            : trans.__('No station let this out.')}
      </p>
      {group.handedOn.length > 0 && (
        <ul className="pht-HandedOn">
          {group.handedOn.map(({ station, to }) => (
            <li key={station}>
              <strong>
                <Name text={station} limit={32} />
              </strong>{' '}
              {handedOnText(to, trans)}
            </li>
          ))}
        </ul>
      )}
      {group.missing.length > 0 && (
        <Missing
          trans={trans}
          missing={group.missing}
          isSummed={group.parts.length > 0}
        />
      )}
      {group.notes.length > 0 && <Notes trans={trans} notes={group.notes} />}
      {group.parts.length > 0 && <Content trans={trans} group={group} />}
      {group.foreseen.length > 0 && (
        <ResultsForecast trans={trans} foreseen={group.foreseen} />
      )}
    </div>
  );
}

/** To follow a station's name; `to` is null on a dry run. */
export function handedOnText(
  to: string | null,
  trans: TranslationBundle
): string {
  return to === null
    ? trans.__('would hand it on to the next station')
    : trans.__('handed it on to %1', isolateName(to));
}

function Content({ trans, group }: IOutputProps): JSX.Element {
  switch (group.kind) {
    case 'table':
      return <Table trans={trans} group={group} />;
    case 'figure':
      return <ResultsFigures trans={trans} group={group} />;
    case 'scalar':
      return <Scalars trans={trans} group={group} />;
    case 'model':
      return <Shapes trans={trans} group={group} />;
    default:
      return <Files trans={trans} group={group} />;
  }
}

function Table({ trans, group }: IOutputProps): JSX.Element {
  const table = React.useMemo(
    () => combineTables(group.parts, trans.__('station')),
    [group, trans]
  );
  return (
    <ResultsTable
      trans={trans}
      table={table}
      label={trans.__('Table %1', truncateMiddle(group.name, 60))}
    />
  );
}

function Scalars({ trans, group }: IOutputProps): JSX.Element {
  return (
    <Pairs trans={trans} group={group} heading={trans.__('value')}>
      {({ output }) => (
        <span title={truncateMiddle(fullText(output.scalar), 1000)}>
          <Name text={shortText(output.scalar)} limit={120} />
        </span>
      )}
    </Pairs>
  );
}

function Files({ trans, group }: IOutputProps): JSX.Element {
  return (
    <>
      <Pairs trans={trans} group={group} heading={trans.__('size')}>
        {({ output }) => sizeText(output.bytes ?? 0)}
      </Pairs>
      <p className="pht-Hint">
        {trans.__('Files are not opened here. An export writes them.')}
      </p>
    </>
  );
}

function Pairs(
  props: IOutputProps & {
    heading: string;
    children: (part: IPart) => React.ReactNode;
  }
): JSX.Element {
  const { trans, group } = props;
  return (
    <table className="pht-Pairs">
      <thead>
        <tr>
          <th scope="col">{trans.__('station')}</th>
          <th scope="col">{props.heading}</th>
        </tr>
      </thead>
      <tbody>
        {group.parts.map(part => (
          <tr key={part.station}>
            <th scope="row">
              <Name text={part.station} limit={32} />
            </th>
            <td>{props.children(part)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A model: which arrays, and how large, at each station. */
function Shapes({ trans, group }: IOutputProps): JSX.Element {
  const names = [
    ...new Set(
      group.parts.flatMap(({ output }) => Object.keys(output.shapes ?? {}))
    )
  ];
  const code = `phtlab.results().models(${JSON.stringify(group.name)})`;
  return (
    <>
      <div
        className="pht-ResultsTable-scroll"
        tabIndex={0}
        role="region"
        aria-label={trans.__('Arrays of %1', truncateMiddle(group.name, 60))}
      >
        <table>
          <thead>
            <tr>
              <th scope="col">{trans.__('array')}</th>
              {group.parts.map(({ station }) => (
                <th scope="col" key={station}>
                  <Name text={station} limit={24} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {names.map(name => (
              <tr key={name}>
                <th scope="row">
                  <Name text={name} />
                </th>
                {group.parts.map(({ station, output }) => (
                  <td key={station}>
                    {output.shapes && name in output.shapes
                      ? shapeText(output.shapes[name], trans.__('a number'))
                      : '–'}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="pht-Hint">
        {trans.__('In a notebook, the arrays themselves:')}{' '}
        <code>
          <Name text={code} limit={90} />
        </code>
      </p>
    </>
  );
}

/** The line above every number over stations that lacks something, or in its place. */
function Missing(props: {
  trans: TranslationBundle;
  missing: IMissing[];
  /** Whether there is a number below it. */
  isSummed: boolean;
}): JSX.Element {
  const { trans, missing, isSummed } = props;
  return (
    <p className="pht-Missing" role="note">
      <span className="pht-Missing-mark" aria-hidden="true">
        !
      </span>
      {isSummed && trans.__('Not everything is in it:')}{' '}
      {missing.map(({ station, words }, number) => (
        <React.Fragment key={station}>
          {number > 0 && '; '}
          <strong>
            <Name text={station} limit={32} />
          </strong>{' '}
          <Name text={words} limit={SENTENCE_LIMIT} />
        </React.Fragment>
      ))}
      {'. '}
      {isSummed &&
        trans.__('Sums over stations are too low by what is missing.')}
    </p>
  );
}

/** What the airlocks took out, held or refused, in their words. */
function Notes(props: {
  trans: TranslationBundle;
  notes: INote[];
}): JSX.Element {
  const { trans } = props;
  return (
    <ul className="pht-Airlock" aria-label={trans.__('What did not leave')}>
      {props.notes.map(({ station, verdict }, number) => (
        <li key={number} data-verdict={verdict.verdict}>
          <span className="pht-Airlock-mark" aria-hidden="true">
            {verdict.verdict === 'held' ? '‖' : '▲'}
          </span>
          <span>
            <strong>
              <Name text={station} limit={32} />
            </strong>{' '}
            <span className="pht-Airlock-verdict">
              {verdictLabel(verdict.verdict, trans)}
            </span>
            {verdict.sentence && (
              <>
                {': '}
                <Name text={verdict.sentence} limit={SENTENCE_LIMIT} />
              </>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}

function verdictLabel(verdict: string, trans: TranslationBundle): string {
  switch (verdict) {
    case 'released':
      return trans.__('released');
    case 'suppressed':
      return trans.__('released in part');
    case 'held':
      return trans.__('held for a person to look at');
    case 'refused':
      return trans.__('withheld');
    case 'unreadable':
      return trans.__('not shown');
    default:
      return truncateMiddle(verdict, 40);
  }
}

export function kindLabel(kind: string, trans: TranslationBundle): string {
  switch (kind) {
    case 'table':
      return trans.__('table');
    case 'figure':
      return trans.__('figure');
    case 'scalar':
      return trans.__('value');
    case 'model':
      return trans.__('model');
    default:
      return trans.__('file');
  }
}

/** A sign beside the word, for the eye that skims. */
export function kindIcon(kind: string): string {
  switch (kind) {
    case 'table':
      return '▤';
    case 'figure':
      return '◰';
    case 'scalar':
      return '#';
    case 'model':
      return '⬡';
    default:
      return '❐';
  }
}
