/**
 * The client of the phtlab server extension: the state that it sends, and requests.
 */
import { ServerConnection } from '@jupyterlab/services';
import { ISignal } from '@lumino/signaling';

import { IPhtServer } from './interfaces';
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
import { IDownload, IServerState } from './interfaces';
import { Requests } from './requests';
import { ServerState } from './state';

export class PhtServer implements IPhtServer {
  constructor(settings: ServerConnection.ISettings) {
    this._requests = new Requests(settings);
    this._state = new ServerState(this._requests);
  }

  get status(): IStatus | null {
    return this._state.status;
  }
  get stations(): readonly IStation[] {
    return this._state.stations;
  }
  get journeys(): readonly IJourney[] {
    return this._state.journeys;
  }
  get proposals(): readonly IProposal[] {
    return this._state.proposals;
  }
  get connected(): boolean {
    return this._state.connected;
  }
  get refusal(): IProblem | null {
    return this._state.refusal;
  }
  get changed(): ISignal<IServerState, void> {
    return this._state.changed;
  }
  get journeyChanged(): ISignal<IServerState, IJourney> {
    return this._state.journeyChanged;
  }
  get isDisposed(): boolean {
    return this._state.isDisposed;
  }

  dispose(): void {
    this._state.dispose();
  }

  check(name: string, content: object): Promise<ICheck> {
    return this._requests.post('check', { name, content: { ...content } });
  }
  kernels(): Promise<IKernel[]> {
    return this._requests.get('kernels');
  }
  members(): Promise<IMember[]> {
    return this._requests.get('members');
  }
  async dispatch(order: IDispatch): Promise<IJourney> {
    const journey = await this._requests.post('journeys', order);
    this._state.setJourney(journey);
    return journey;
  }
  async cancel(journey: string): Promise<IJourney> {
    const now = await this._requests.post(
      'journeys/{journey}/cancel',
      {},
      journey
    );
    this._state.setJourney(now);
    return now;
  }
  async finish(journey: string): Promise<IJourney> {
    const now = await this._requests.post(
      'journeys/{journey}/finish',
      {},
      journey
    );
    this._state.setJourney(now);
    return now;
  }
  async resume(journey: string): Promise<IJourney> {
    const continuing = await this._requests.post(
      'journeys/{journey}/resume',
      {},
      journey
    );
    this._state.setJourney(continuing);
    return continuing;
  }
  results(journey: string): Promise<IResults> {
    return this._requests.get('journeys/{journey}/results', journey);
  }
  async aggregate(journey: string, notebook: string | null): Promise<string> {
    const made = await this._requests.post(
      'journeys/{journey}/aggregate',
      { path: notebook },
      journey
    );
    return made.path;
  }
  async exportResults(journey: string, directory: string): Promise<string> {
    const made = await this._requests.post(
      'journeys/{journey}/export',
      { directory },
      journey
    );
    return made.path;
  }
  proposal(id: string): Promise<IProposalDetail> {
    return this._requests.get('proposals/{proposal}', id);
  }
  comment(id: string, text: string): Promise<IProposalDetail> {
    return this._requests.post('proposals/{proposal}/comments', { text }, id);
  }
  draft(notebook: string): Promise<IProposalDraft> {
    return this._requests.post('proposals/draft', { path: notebook });
  }
  checkDraft(notebook: string): Promise<IProposalCheck> {
    return this._requests.post('proposals/check', { path: notebook });
  }
  submitDraft(notebook: string, checked: string): Promise<IProposalDetail> {
    return this._requests.post('proposals/submit', { path: notebook, checked });
  }
  withdraw(id: string, reason: string): Promise<IProposalDetail> {
    return this._requests.post('proposals/{proposal}/withdraw', { reason }, id);
  }
  keys(): Promise<IKey[]> {
    return this._requests.get('keys');
  }
  createKey(
    name: string,
    organisation: string,
    passphrase: string
  ): Promise<IKey> {
    return this._requests.post('keys', { name, organisation, passphrase });
  }
  async unlock(passphrase: string): Promise<IStatus> {
    const status = await this._requests.post('keys/unlock', {
      passphrase
    });
    this._state.setStatus(status);
    return status;
  }
  async lock(): Promise<IStatus> {
    const status = await this._requests.post('keys/lock', {});
    this._state.setStatus(status);
    return status;
  }
  changePassphrase(old: string, fresh: string): Promise<IKey> {
    return this._requests.post('keys/passphrase', { old, new: fresh });
  }
  restoreKey(content: string, passphrase: string): Promise<IKey> {
    return this._requests.post('keys/restore', { content, passphrase });
  }
  revokeKey(passphrase: string, reason: string): Promise<IRevokedKey> {
    return this._requests.post('keys/revoke', { passphrase, reason });
  }
  backup(): Promise<IDownload> {
    return this._requests.download('keys/backup', 'key.age');
  }
  membershipRequest(): Promise<IDownload> {
    return this._requests.download('keys/request', 'request.json');
  }
  async tutorial(): Promise<string> {
    return (await this._requests.post('tutorial', {})).path;
  }

  private readonly _requests: Requests;
  private readonly _state: ServerState;
}
