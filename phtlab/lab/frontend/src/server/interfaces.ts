/**
 * The server extension as components use it: what is known now, and requests by topic.
 */
import { Token } from '@lumino/coreutils';
import { IDisposable } from '@lumino/disposable';
import { ISignal } from '@lumino/signaling';

import {
  ICheck,
  IDispatch,
  IJourney,
  IKernel,
  IKey,
  IMember,
  IProblem,
  IProposal,
  IProposalCheck,
  IProposalDetail,
  IProposalDraft,
  IResults,
  IRevokedKey,
  IStation,
  IStatus
} from './api';

/** A file to be saved where the browser runs. */
export interface IDownload {
  name: string;
  content: Blob;
}

/** What the server has sent so far. */
export interface IServerState {
  /** The last status heard; null before the first. */
  readonly status: IStatus | null;
  readonly stations: readonly IStation[];
  /** The newest first. */
  readonly journeys: readonly IJourney[];
  /** The last changed first. */
  readonly proposals: readonly IProposal[];
  /** Whether the stream of events is open: false means that what is shown may be old. */
  readonly connected: boolean;
  /** Why the stream is refused; null if it is open, or nothing answers. */
  readonly refusal: IProblem | null;
  /** Something above changed. */
  readonly changed: ISignal<IServerState, void>;
  /** One journey changed. */
  readonly journeyChanged: ISignal<IServerState, IJourney>;
}

/** Notebooks: their checks, the kernel images that they run in, and the tutorial. */
export interface INotebookServer {
  check(name: string, content: object): Promise<ICheck>;
  kernels(): Promise<IKernel[]>;
  /** Copy the tutorial into the person's folder; resolves to its path. */
  tutorial(): Promise<string>;
}

/** Journeys: dispatch, cancellation and results. */
export interface IJourneyServer {
  /** Whom the results can be sealed to. */
  members(): Promise<IMember[]>;
  dispatch(order: IDispatch): Promise<IJourney>;
  cancel(journey: string): Promise<IJourney>;
  /** End the rounds of a journey after the present one. */
  finish(journey: string): Promise<IJourney>;
  /** Continue a sequential journey that ended early; resolves to the new one. */
  resume(journey: string): Promise<IJourney>;
  results(journey: string): Promise<IResults>;
  /** Write the aggregate cells into `notebook`, or into a new one; resolves to its path. */
  aggregate(journey: string, notebook: string | null): Promise<string>;
  /** Write the results below `directory`; resolves to their folder. */
  exportResults(journey: string, directory: string): Promise<string>;
}

/** Proposals: drafts, submission, comments and withdrawal. */
export interface IProposalServer {
  proposal(id: string): Promise<IProposalDetail>;
  comment(id: string, text: string): Promise<IProposalDetail>;
  /** The path of the draft of a notebook's proposal; it is written if there is none. */
  draft(notebook: string): Promise<IProposalDraft>;
  checkDraft(notebook: string): Promise<IProposalCheck>;
  /** Sign the draft as it was checked, and send it. */
  submitDraft(notebook: string, checked: string): Promise<IProposalDetail>;
  /** Withdraw a proposal for good. */
  withdraw(id: string, reason: string): Promise<IProposalDetail>;
}

/** The person's key: its state, and all that is done with it. */
export interface IKeyServer {
  keys(): Promise<IKey[]>;
  createKey(
    name: string,
    organisation: string,
    passphrase: string
  ): Promise<IKey>;
  unlock(passphrase: string): Promise<IStatus>;
  lock(): Promise<IStatus>;
  changePassphrase(old: string, fresh: string): Promise<IKey>;
  restoreKey(content: string, passphrase: string): Promise<IKey>;
  revokeKey(passphrase: string, reason: string): Promise<IRevokedKey>;
  /** The encrypted key file. */
  backup(): Promise<IDownload>;
  /** The membership request. */
  membershipRequest(): Promise<IDownload>;
}

/** All of the phtlab server extension. A component asks only for the parts that it uses. */
export interface IPhtServer
  extends
    IServerState,
    INotebookServer,
    IJourneyServer,
    IProposalServer,
    IKeyServer,
    IDisposable {}

export const IPhtServer = new Token<IPhtServer>(
  'phtlab:IPhtServer',
  'The phtlab server extension: status, stations, journeys, and requests.'
);
