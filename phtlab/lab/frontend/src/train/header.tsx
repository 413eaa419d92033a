/**
 * The current notebook in the Train panel: whether it can travel, and the buttons that send it.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { TITLE_LIMIT } from '../findings/diagnostics';
import { ICheck, IFinding, IKernel, IProblem } from '../server/api';
import { formatList } from '../text/list';
import { Name, SENTENCE_LIMIT } from '../text/name';
import { isolateName, truncateMiddle } from '../text/untrusted';

/** The longest list of names in a tooltip. */
const LIST = 300;

export interface INotebookHeaderProps {
  name: string;
  check: ICheck | null;
  kernels: readonly IKernel[];
  problem: IProblem | null;
  busy: string | null;
  canDryRun: boolean;
  trans: TranslationBundle;
  onFinding: (finding: IFinding) => void;
  /** Make the change that mends it. */
  onFix: (finding: IFinding) => void;
  onDryRun: () => void;
  onDispatch: () => void;
  onDismiss: () => void;
}

/** How many findings are shown before one asks for the rest. */
const FIRST = 5;

export function NotebookHeader(props: INotebookHeaderProps): JSX.Element {
  const { check, trans, busy } = props;
  const stopped = check !== null && !check.ok;
  const why = stopped
    ? trans.__('This notebook cannot travel yet: see the problems above.')
    : undefined;
  return (
    <section
      className="pht-Head"
      aria-label={trans.__('Current notebook')}
      aria-busy={busy !== null}
    >
      <div className="pht-Head-line">
        <h2 className="pht-Head-name" title={truncateMiddle(props.name, 1000)}>
          <Name text={props.name} />
        </h2>
        <CheckStatus check={check} trans={trans} />
      </div>
      {check && <Facts check={check} kernels={props.kernels} trans={trans} />}
      {check && check.findings.length > 0 && (
        <Findings
          findings={check.findings}
          trans={trans}
          onFinding={props.onFinding}
          onFix={props.onFix}
        />
      )}
      <div className="pht-Head-buttons">
        <button
          className="pht-Button"
          aria-disabled={busy !== null || stopped || !props.canDryRun}
          title={
            why ??
            (props.canDryRun
              ? trans.__('Run it now on the twin: the same way, synthetic data')
              : trans.__('There is no twin station that runs dry runs.'))
          }
          onClick={props.onDryRun}
        >
          {trans.__('Dry run')}
        </button>
        <button
          className="pht-Button pht-mod-accept"
          aria-disabled={busy !== null || stopped}
          title={why ?? trans.__('Choose the stations, sign, and send')}
          onClick={props.onDispatch}
        >
          {trans.__('Dispatch…')}
        </button>
      </div>
      <p className="pht-Head-busy" role="status">
        {busy}
      </p>
      {props.problem && (
        <div className="pht-Problem" role="alert">
          <span className="pht-Problem-mark" aria-hidden="true">
            ✗
          </span>
          <span className="pht-Problem-text" dir="auto">
            {props.problem.message}
          </span>
          <button
            className="pht-Link"
            aria-label={trans.__('Dismiss this message')}
            onClick={props.onDismiss}
          >
            {trans.__('Dismiss')}
          </button>
        </div>
      )}
    </section>
  );
}

function CheckStatus(props: {
  check: ICheck | null;
  trans: TranslationBundle;
}): JSX.Element {
  const { check, trans } = props;
  if (check === null) {
    return <span className="pht-Verdict">{trans.__('checking…')}</span>;
  }
  const errors = check.findings.filter(found => found.severity === 'error');
  if (errors.length > 0 || !check.ok) {
    return (
      <span className="pht-Verdict pht-mod-bad">
        <span aria-hidden="true">✗ </span>
        {trans._n('%1 problem', '%1 problems', Math.max(errors.length, 1))}
      </span>
    );
  }
  return (
    <span
      className="pht-Verdict pht-mod-good"
      title={trans.__('This notebook can travel')}
    >
      <span aria-hidden="true">● </span>
      {trans.__('ok')}
    </span>
  );
}

function Facts(props: {
  check: ICheck;
  kernels: readonly IKernel[];
  trans: TranslationBundle;
}): JSX.Element {
  const { check, trans } = props;
  const image = props.kernels.find(kernel => kernel.name === check.kernel);
  const outputs = check.outputs.map(output => output.name);
  const parameters = Object.keys(check.parameters.properties ?? {});
  return (
    <ul className="pht-Head-facts">
      <li title={truncateMiddle(parameters.join(', '), LIST) || undefined}>
        {trans._n('%1 parameter', '%1 parameters', parameters.length)}
      </li>
      <li title={truncateMiddle(outputs.join(', '), LIST) || undefined}>
        {trans._n('%1 output', '%1 outputs', outputs.length)}
      </li>
      {check.route === 'sequential' && (
        <li
          title={trans.__(
            'Stations take turns, in the order that you choose. Each receives %1 from the one before it.',
            formatList(check.received, trans)
          )}
        >
          {trans.__('sequential')}
        </li>
      )}
      {check.route === 'rounds' && (
        <li
          title={trans.__(
            'Stations run the round cells again in each round, and your kernel the combine cells between two rounds.'
          )}
        >
          {trans.__('rounds')}
        </li>
      )}
      <li
        title={
          image
            ? trans.__(
                'Runs in kernel image %1, %2',
                isolateName(image.name),
                truncateMiddle(image.digest, 80)
              )
            : undefined
        }
      >
        <Name text={check.kernel ?? check.language} limit={24} />
      </li>
    </ul>
  );
}

function Findings(props: {
  findings: IFinding[];
  trans: TranslationBundle;
  onFinding: (finding: IFinding) => void;
  onFix: (finding: IFinding) => void;
}): JSX.Element {
  const { findings, trans } = props;
  const [all, showAll] = React.useState(false);
  const visible = all ? findings : findings.slice(0, FIRST);
  return (
    <ul className="pht-Findings" aria-label={trans.__('Problems')}>
      {visible.map((finding, index) => (
        <li key={index} className={`pht-mod-${finding.severity}`}>
          <span className="pht-Findings-mark" aria-hidden="true">
            {finding.severity === 'error' ? '✗' : '!'}
          </span>
          <span>
            <span className="pht-Findings-text">
              <Name text={finding.message} limit={SENTENCE_LIMIT} />
            </span>
            {finding.cell !== null && (
              <button
                className="pht-Link"
                onClick={() => props.onFinding(finding)}
              >
                {finding.line === null
                  ? trans.__('Go to cell %1', finding.cell + 1)
                  : trans.__(
                      'Go to cell %1, line %2',
                      finding.cell + 1,
                      finding.line
                    )}
              </button>
            )}
            {finding.fix !== null && (
              <button className="pht-Fix" onClick={() => props.onFix(finding)}>
                <Name text={finding.fix.title} limit={TITLE_LIMIT} />
              </button>
            )}
          </span>
        </li>
      ))}
      {visible.length < findings.length && (
        <li>
          <button className="pht-Link" onClick={() => showAll(true)}>
            {trans._n('%1 more', '%1 more', findings.length - visible.length)}
          </button>
        </li>
      )}
    </ul>
  );
}
