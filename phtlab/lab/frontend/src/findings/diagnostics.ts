/**
 * Findings as CodeMirror diagnostics, their order in the notebook, and the notebook's status.
 */
import { Diagnostic } from '@codemirror/lint';
import { Text } from '@codemirror/state';
import { TranslationBundle } from '@jupyterlab/translation';

import { ICheck, IFinding, IFix, IProblem } from '../server/api';
import { truncateMiddle } from '../text/untrusted';

/** How much of a message is shown. */
export const MESSAGE_LIMIT = 600; // characters

/** How much of the name of a change is shown. */
export const TITLE_LIMIT = 100; // characters

/**
 * The marks of `findings` in a cell with that text: those with a line that is there. `onFix` makes
 * the change that mends one.
 */
export function diagnosticsOf(
  text: Text,
  findings: readonly IFinding[],
  onFix: (fix: IFix) => void
): Diagnostic[] {
  const marks: Diagnostic[] = [];
  for (const { line: number, severity, message, fix } of findings) {
    if (number === null || number < 1 || number > text.lines) {
      continue;
    }
    const line = text.line(number);
    const code = line.text.trim();
    // A line of spaces is marked at its end, any other from its first character to its last.
    const from = line.from + (code ? line.text.indexOf(code) : line.length);
    const shortened = truncateMiddle(message, MESSAGE_LIMIT);
    marks.push({
      from,
      to: from + code.length,
      severity,
      message: shortened,
      renderMessage: () => messageNode(shortened),
      ...(fix === null
        ? {}
        : {
            actions: [
              {
                name: truncateMiddle(fix.title, TITLE_LIMIT),
                apply: () => onFix(fix)
              }
            ]
          })
    });
  }
  return marks.sort((a, b) => a.from - b.from);
}

/** As text in a box of its own, which is no wider than the page. */
function messageNode(message: string): Node {
  const box = document.createElement('bdi');
  box.className = 'pht-MarkMessage';
  box.textContent = message;
  return box;
}

/** The cell of a finding and its line, both as they stand now. */
export interface IFindingPosition {
  /** From 0. */
  cell: number;
  line: number | null;
}

/** The first of `places` in a cell behind `active`, beginning again at the top; null if none is. */
export function nextPosition(
  places: readonly IFindingPosition[],
  active: number
): IFindingPosition | null {
  return places.find(({ cell }) => cell > active) ?? places[0] ?? null;
}

/** How many findings are errors and how many are warnings. */
export function countFindings(findings: readonly IFinding[]): {
  errors: number;
  warnings: number;
} {
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  return { errors, warnings: findings.length - errors };
}

export interface ICheckStatus {
  mark: string;
  text: string;
  title: string;
}

/** What is said of a notebook; null while nothing is known. */
export function checkStatus(
  check: ICheck | null,
  problem: IProblem | null,
  trans: TranslationBundle
): ICheckStatus | null {
  if (problem !== null) {
    return {
      mark: '…',
      text: trans.__('not checked'),
      title: trans.__(
        'The notebook as it stands could not be checked. %1',
        truncateMiddle(problem.message, 300)
      )
    };
  }
  if (check === null) {
    return null;
  }
  const { errors, warnings } = countFindings(check.findings);
  if (errors > 0) {
    return {
      mark: '✗',
      text: trans._n('%1 problem', '%1 problems', errors),
      title: trans.__('This notebook cannot travel yet. Go to the next problem')
    };
  }
  if (warnings > 0) {
    return {
      mark: '!',
      text: trans._n('%1 remark', '%1 remarks', warnings),
      title: trans.__('This notebook can travel. Go to the next remark')
    };
  }
  return {
    mark: '✓',
    text: trans.__('can travel'),
    title: trans.__('The checks found no problem in this notebook')
  };
}
