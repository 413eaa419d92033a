/**
 * Why results cannot be opened, and the next step.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { stopMark, stopText } from '../journeys/status';
import { IJourney, IProblem } from '../server/api';
import { Name, SENTENCE_LIMIT } from '../text/name';
import { RefusalKind, refusalKind } from './refusalKind';

interface IRefusalProps {
  trans: TranslationBundle;
  problem: IProblem;
  journey: IJourney | null;
  onAgain: () => void;
  onUnlock: () => void;
  onKeys: () => void;
}

export function ResultsRefusal(props: IRefusalProps): JSX.Element {
  const { trans, problem, journey } = props;
  const kind = refusalKind(problem.code);
  const { mark, title, advice } = describeRefusal(kind, trans);
  return (
    <section
      className="pht-Refusal"
      data-kind={kind}
      role={kind === 'unverified' ? 'alert' : 'status'}
    >
      <span className="pht-Refusal-mark" aria-hidden="true">
        {mark}
      </span>
      <div className="pht-Refusal-body">
        <h2>{title}</h2>
        {kind !== 'locked' && kind !== 'unfinished' && (
          <p className="pht-Refusal-message">
            <Name text={problem.message} limit={SENTENCE_LIMIT} />
          </p>
        )}
        {kind === 'unfinished' && journey && (
          <ul className="pht-StillAt">
            {journey.stops.map(stop => (
              <li key={stop.number}>
                <span aria-hidden="true">
                  {stopMark(stop.state, trans).mark}
                </span>
                <strong>
                  <Name text={stop.station} limit={32} />
                </strong>
                <bdi>{stopText(stop, trans)}</bdi>
              </li>
            ))}
          </ul>
        )}
        {kind === 'unfinished' && !journey && (
          <p>
            <Name text={problem.message} limit={SENTENCE_LIMIT} />
          </p>
        )}
        {advice && <p className="pht-Hint">{advice}</p>}
        <div className="pht-Actions">
          {kind === 'locked' && (
            <button
              className="jp-mod-styled jp-mod-accept"
              onClick={props.onUnlock}
            >
              {trans.__('Unlock…')}
            </button>
          )}
          {(kind === 'no-key' || kind === 'not-for-key') && (
            <button
              className="jp-mod-styled jp-mod-accept"
              onClick={props.onKeys}
            >
              {trans.__('Open the Keys panel')}
            </button>
          )}
          {kind !== 'locked' && kind !== 'no-key' && kind !== 'unfinished' && (
            <button className="jp-mod-styled" onClick={props.onAgain}>
              {trans.__('Try again')}
            </button>
          )}
          {(kind === 'unverified' || kind === 'other') && (
            <span className="pht-Hint">
              {trans.__('Code:')}{' '}
              <code>
                <Name text={problem.code} limit={40} />
              </code>
            </span>
          )}
        </div>
      </div>
    </section>
  );
}

function describeRefusal(
  kind: RefusalKind,
  trans: TranslationBundle
): { mark: string; title: string; advice: string | null } {
  switch (kind) {
    case 'locked':
      return {
        mark: '○',
        title: trans.__('Your key is locked'),
        advice: trans.__(
          'Results are sealed to your key: they are opened here, and nowhere before.'
        )
      };
    case 'no-key':
      return {
        mark: '○',
        title: trans.__('There is no key here'),
        advice: null
      };
    case 'not-for-key':
      return {
        mark: '○',
        title: trans.__('Sealed to another key'),
        advice: trans.__(
          'Only the keys that the journey was sent with can open it. If you have a backup of ' +
            'that key, restore it in the Keys panel.'
        )
      };
    case 'unfinished':
      return {
        mark: '●',
        title: trans.__('Still under way'),
        advice: trans.__(
          'The results come here by themselves once every stop has ended. You may close this.'
        )
      };
    case 'unverified':
      return {
        mark: '✗',
        title: trans.__('Not shown, because it does not verify'),
        advice: trans.__(
          'Something of these results is not what was signed, or not by whom it should be. None ' +
            'of it is shown or kept. Do not use numbers of this journey that came another way; ' +
            "tell your consortium's officers what is written here."
        )
      };
    case 'unreachable':
      return {
        mark: '○',
        title: trans.__('Not within reach now'),
        advice: trans.__('The results are not lost by it. Try again later.')
      };
    default:
      return {
        mark: '✗',
        title: trans.__('The results cannot be opened'),
        advice: null
      };
  }
}
