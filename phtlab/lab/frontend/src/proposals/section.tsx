/**
 * The proposals section of the Train panel: each as a row that expands to the stations' answers.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { ErrorLine } from '../components/errorLine';
import { StatusRow } from '../components/statusRow';
import { IProposal, IProposalDetail } from '../server/api';
import { Name, SENTENCE_LIMIT } from '../text/name';
import { formatAge } from '../text/time';
import {
  escapeInvisible,
  shortenDigests,
  truncateMiddle
} from '../text/untrusted';
import { isOpen, proposalMark, stationMark } from './status';

export interface IProposalsProps {
  proposals: readonly IProposal[];
  /** The name of the person; null if not known. */
  me: string | null;
  /** Whether there is a notebook to propose. */
  canPropose: boolean;
  busy: boolean;
  now: number;
  trans: TranslationBundle;
  onPropose: () => void;
  onOpen: (id: string) => Promise<IProposalDetail>;
  onComment: (id: string, text: string) => Promise<IProposalDetail>;
  onWithdraw: (id: string) => void;
}

export function Proposals(props: IProposalsProps): JSX.Element {
  const { proposals, canPropose, busy, trans } = props;
  return (
    <>
      {proposals.length === 0 && (
        <p className="pht-Empty">
          {trans.__('A station may want to be asked before a train comes.')}
        </p>
      )}
      <ul className="pht-Proposals">
        {proposals.map(proposal => (
          <Proposal key={proposal.id} proposal={proposal} {...props} />
        ))}
      </ul>
      {canPropose && (
        <p className="pht-Propose">
          <button
            className="pht-Button"
            aria-disabled={busy}
            title={trans.__(
              'Write a draft beside the notebook; once it is filled in, sign and submit it'
            )}
            onClick={() => !busy && props.onPropose()}
          >
            {trans.__('Propose…')}
          </button>
        </p>
      )}
    </>
  );
}

function Proposal(
  props: IProposalsProps & { proposal: IProposal }
): JSX.Element {
  const { proposal, now, trans } = props;
  const [open, setOpen] = React.useState(false);
  const id = React.useId();
  const { mark, tone, label } = proposalMark(proposal, trans);
  return (
    <li data-proposal={proposal.id} className={`pht-mod-${tone}`}>
      <StatusRow
        open={open}
        controls={id}
        mark={mark}
        name={proposal.title}
        nameLimit={48}
        side={trans.__('version %1', proposal.version)}
        detail={label}
        detailSide={formatAge(Date.parse(proposal.updated), now, trans)}
        onToggle={() => setOpen(!open)}
      />
      <div id={id} className="pht-Proposal-body" hidden={!open}>
        {open && <ProposalBody {...props} />}
      </div>
    </li>
  );
}

function ProposalBody(
  props: IProposalsProps & { proposal: IProposal }
): JSX.Element {
  const { proposal, now, trans, onOpen } = props;
  const [detail, setDetail] = React.useState<IProposalDetail | null>(null);
  const [problem, setProblem] = React.useState<string | null>(null);
  React.useEffect(() => {
    let left = false;
    onOpen(proposal.id).then(
      detail => !left && setDetail(detail),
      (error: Error) => !left && setProblem(error.message)
    );
    return () => {
      left = true;
    };
    // Asked again whenever central says that it changed.
  }, [proposal.id, proposal.updated, proposal.comments]);
  return (
    <>
      <ul className="pht-Proposal-stations">
        {proposal.stations.map(station => {
          const { mark, tone, label } = stationMark(station, trans);
          const signed = detail?.decisions.find(
            decision => decision.station === station.station
          );
          return (
            <li key={station.station} className={`pht-mod-${tone}`}>
              <span className="pht-Proposal-mark" aria-hidden="true">
                {mark}
              </span>
              <div>
                <span className="pht-Row-name">
                  <Name text={station.station} limit={32} />
                </span>{' '}
                <span className="pht-Row-detail">{label}</span>
                {station.question && (
                  <p className="pht-Proposal-question">
                    <Name text={station.question} limit={SENTENCE_LIMIT} />
                  </p>
                )}
                {signed?.sentence && (
                  <p
                    className="pht-Proposal-signed"
                    title={truncateMiddle(signed.sentence, SENTENCE_LIMIT)}
                  >
                    <Name
                      text={shortenDigests(signed.sentence)}
                      limit={SENTENCE_LIMIT}
                    />
                  </p>
                )}
              </div>
            </li>
          );
        })}
      </ul>
      {detail && detail.discussion.length > 0 && (
        <ol
          className="pht-Proposal-said"
          aria-label={trans.__('What was said of it')}
        >
          {detail.discussion.map((comment, number) => (
            <li key={number}>
              <span className="pht-Row-detail">
                <Name text={comment.author} limit={32} />
                {comment.question && ` ${trans.__('asks')}`} ·{' '}
                {formatAge(Date.parse(comment.at), now, trans)}
              </span>
              <p dir="auto">{escapeInvisible(comment.text)}</p>
            </li>
          ))}
        </ol>
      )}
      {isOpen(proposal) && (
        <Answer
          trans={trans}
          onSay={async text => {
            setProblem(null);
            try {
              setDetail(await props.onComment(proposal.id, text));
              return true;
            } catch (error) {
              setProblem((error as Error).message);
              return false;
            }
          }}
        />
      )}
      <p className="pht-Proposal-facts">
        <code>{proposal.id}</code>
        {' · '}
        {trans.__('until %1', new Date(proposal.until).toLocaleDateString())}
        {isOpen(proposal) && proposal.researcher === props.me && (
          <>
            {' · '}
            <button
              className="pht-Link"
              onClick={() => props.onWithdraw(proposal.id)}
            >
              {trans.__('Withdraw…')}
            </button>
          </>
        )}
      </p>
      {problem && <ErrorLine>{problem}</ErrorLine>}
    </>
  );
}

function Answer(props: {
  trans: TranslationBundle;
  onSay: (text: string) => Promise<boolean>;
}): JSX.Element {
  const { trans, onSay } = props;
  const [text, setText] = React.useState('');
  const [busy, setBusy] = React.useState(false);
  const submit = async (event: React.FormEvent) => {
    event.preventDefault();
    if (!text.trim() || busy) {
      return;
    }
    setBusy(true);
    if (await onSay(text.trim())) {
      setText('');
    }
    setBusy(false);
  };
  return (
    <form
      className="pht-Proposal-answer"
      onSubmit={event => void submit(event)}
    >
      <textarea
        className="jp-mod-styled"
        rows={2}
        maxLength={4000}
        aria-label={trans.__('Your comment')}
        placeholder={trans.__('Answer or comment; no data of persons')}
        value={text}
        onChange={event => setText(event.target.value)}
      />
      <button
        className="pht-Button"
        type="submit"
        aria-disabled={busy || !text.trim()}
      >
        {trans.__('Comment')}
      </button>
    </form>
  );
}
