/**
 * The server extension as the other plugins use it: what is known now, as signals, and requests.
 *
 * One stream of server-sent events keeps `status`, `stations`, `journeys` and `proposals` true. The
 * browser reopens it after a lost connection, and the server then tells everything anew: so what is
 * shown after a pause is the truth and nothing is asked for again and again.
 */
import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { Token } from '@lumino/coreutils';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

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
  IResults,
  IStation,
  IStatus
} from './api';
import { cutMiddle } from '../text/untrusted';

/** The code of a refusal by Jupyter itself: the login is over. */
export const LOGGED_OUT = 'logged-out';

/** The longest message that is shown, in characters. */
const LONGEST = 2000;

/** A refusal by the server extension; its message is for people. */
export class PhtProblem extends Error {
  constructor(
    problem: IProblem,
    readonly status: number
  ) {
    const message = cutMiddle(problem.message, LONGEST);
    super(message);
    this.name = 'PhtProblem';
    this.problem = { ...problem, message };
  }

  readonly problem: IProblem;

  get code(): string {
    return this.problem.code;
  }
}

/** A page of a proxy or a login form, where an answer should be. */
const UNREADABLE: IProblem = {
  code: 'server-answer',
  message:
    'The answer of your Jupyter server cannot be read; perhaps you have to log in again. Do so ' +
    'in another tab, then try again here.'
};

/** A hub says to whoever wants no page that a server is starting, and sends others to a page. */
const ANSWERS = { Accept: 'application/json, */*;q=0.5' };

/** What a hub answers for a server that is stopped or starting (424), and its proxy (502, 503). */
const STOPPED = [424, 502, 503];

/** How long to wait before another stream is opened, at first and at most. */
const FIRST_PAUSE = 2000; // ms
const LONGEST_PAUSE = 30_000; // ms

/** What a refusal says, in its own words if it is one of ours. */
async function refused(response: Response): Promise<PhtProblem> {
  const { status } = response;
  let content: any = null;
  try {
    content = await response.json();
  } catch {
    // What is no JSON is no answer of ours; the status tells.
  }
  if (
    typeof content?.code === 'string' &&
    typeof content.message === 'string'
  ) {
    const field = typeof content.field === 'string' ? content.field : null;
    return new PhtProblem(
      { code: content.code, message: content.message, field },
      status
    );
  }
  return new PhtProblem(foreignRefusal(status, response.statusText), status);
}

/** What a refusal of Jupyter's, of the hub's or of a proxy's means, by its status alone. */
function foreignRefusal(status: number, statusText: string): IProblem {
  if (status === 401 || status === 403) {
    return {
      code: LOGGED_OUT,
      message:
        'You are not logged in at your Jupyter server any more. Log in in another tab, then ' +
        'try again here: what is open stays.'
    };
  }
  if (STOPPED.includes(status)) {
    return {
      code: 'server-stopped',
      message:
        'Your Jupyter server is not running. What travels goes on without it; start the server ' +
        'again to see it.'
    };
  }
  return {
    code: `http-${status}`,
    message:
      `Your Jupyter server answered ${status} ${statusText}, without a reason. ` +
      'Try again; if it stays so, tell who runs it.'
  };
}

/** A file to be saved where the browser runs. */
export interface IDownload {
  name: string;
  content: Blob;
}

export interface IPhtServer extends IDisposable {
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
  readonly changed: ISignal<IPhtServer, void>;
  /** One journey changed. */
  readonly journeyChanged: ISignal<IPhtServer, IJourney>;

  check(name: string, content: unknown): Promise<ICheck>;
  kernels(): Promise<IKernel[]>;
  members(): Promise<IMember[]>;
  dispatch(order: IDispatch): Promise<IJourney>;
  cancel(journey: string): Promise<IJourney>;
  results(journey: string): Promise<IResults>;
  aggregate(journey: string, notebook: string | null): Promise<string>;
  exportResults(journey: string, directory: string): Promise<string>;
  proposal(id: string): Promise<IProposalDetail>;
  /** Say something of a proposal. */
  comment(id: string, text: string): Promise<IProposalDetail>;
  /** Where the draft of a notebook's proposal is; it is written if there is none. */
  draft(notebook: string): Promise<{ path: string; made: boolean }>;
  checkDraft(notebook: string): Promise<IProposalCheck>;
  /** Sign the draft as it was shown, and send it. */
  submitDraft(notebook: string, checked: string): Promise<IProposalDetail>;
  /** For good. */
  withdraw(id: string, reason: string): Promise<IProposalDetail>;
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
  revokeKey(
    passphrase: string,
    reason: string
  ): Promise<{ path: string; name: string }>;
  /** The encrypted key file. */
  backup(): Promise<IDownload>;
  /** The membership request. */
  membershipRequest(): Promise<IDownload>;
  tutorial(): Promise<string>;
}

export const IPhtServer = new Token<IPhtServer>(
  'phtlab:IPhtServer',
  'The phtlab server extension: status, stations, journeys, and requests.'
);

export class PhtServer implements IPhtServer {
  constructor(private readonly _settings: ServerConnection.ISettings) {
    this._open();
  }

  get status(): IStatus | null {
    return this._status;
  }
  get stations(): readonly IStation[] {
    return this._stations;
  }
  get journeys(): readonly IJourney[] {
    return this._journeys;
  }
  get proposals(): readonly IProposal[] {
    return this._proposals;
  }
  get connected(): boolean {
    return this._connected;
  }
  get refusal(): IProblem | null {
    return this._refusal;
  }
  get changed(): ISignal<IPhtServer, void> {
    return this._changed;
  }
  get journeyChanged(): ISignal<IPhtServer, IJourney> {
    return this._journeyChanged;
  }
  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    window.clearTimeout(this._retry);
    this._source?.close();
    Signal.clearData(this);
  }

  check(name: string, content: unknown): Promise<ICheck> {
    return this._post('check', { name, content });
  }
  kernels(): Promise<IKernel[]> {
    return this._get('kernels');
  }
  members(): Promise<IMember[]> {
    return this._get('members');
  }
  async dispatch(order: IDispatch): Promise<IJourney> {
    const journey = await this._post<IJourney>('journeys', order);
    this._take(journey);
    return journey;
  }
  async cancel(journey: string): Promise<IJourney> {
    const now = await this._post<IJourney>(`journeys/${journey}/cancel`, {});
    this._take(now);
    return now;
  }
  results(journey: string): Promise<IResults> {
    return this._get(`journeys/${journey}/results`);
  }
  async aggregate(journey: string, notebook: string | null): Promise<string> {
    const made = await this._post<{ path: string }>(
      `journeys/${journey}/aggregate`,
      { path: notebook }
    );
    return made.path;
  }
  async exportResults(journey: string, directory: string): Promise<string> {
    const made = await this._post<{ path: string }>(
      `journeys/${journey}/export`,
      { directory }
    );
    return made.path;
  }
  proposal(id: string): Promise<IProposalDetail> {
    return this._get(`proposals/${id}`);
  }
  comment(id: string, text: string): Promise<IProposalDetail> {
    return this._post(`proposals/${id}/comments`, { text });
  }
  draft(notebook: string): Promise<{ path: string; made: boolean }> {
    return this._post('proposals/draft', { path: notebook });
  }
  checkDraft(notebook: string): Promise<IProposalCheck> {
    return this._post('proposals/check', { path: notebook });
  }
  submitDraft(notebook: string, checked: string): Promise<IProposalDetail> {
    return this._post('proposals/submit', { path: notebook, checked });
  }
  withdraw(id: string, reason: string): Promise<IProposalDetail> {
    return this._post(`proposals/${id}/withdraw`, { reason });
  }
  keys(): Promise<IKey[]> {
    return this._get('keys');
  }
  createKey(
    name: string,
    organisation: string,
    passphrase: string
  ): Promise<IKey> {
    return this._post('keys', { name, organisation, passphrase });
  }
  async unlock(passphrase: string): Promise<IStatus> {
    return this._told(await this._post('keys/unlock', { passphrase }));
  }
  async lock(): Promise<IStatus> {
    return this._told(await this._post('keys/lock', {}));
  }
  changePassphrase(old: string, fresh: string): Promise<IKey> {
    return this._post('keys/passphrase', { old, new: fresh });
  }
  restoreKey(content: string, passphrase: string): Promise<IKey> {
    return this._post('keys/restore', { content, passphrase });
  }
  revokeKey(
    passphrase: string,
    reason: string
  ): Promise<{ path: string; name: string }> {
    return this._post('keys/revoke', { passphrase, reason });
  }
  backup(): Promise<IDownload> {
    return this._download('keys/backup', 'key.age');
  }
  membershipRequest(): Promise<IDownload> {
    return this._download('keys/request', 'request.json');
  }
  async tutorial(): Promise<string> {
    return (await this._post<{ path: string }>('tutorial', {})).path;
  }

  private _url(path: string): string {
    return URLExt.join(this._settings.baseUrl, 'phtlab', path);
  }

  private _get<T>(path: string): Promise<T> {
    return this._ask(path, {});
  }

  private _post<T>(path: string, body: unknown): Promise<T> {
    return this._ask(path, { method: 'POST', body: JSON.stringify(body) });
  }

  private async _ask<T>(path: string, init: RequestInit): Promise<T> {
    const response = await this._fetch(path, init);
    try {
      return (await response.json()) as T;
    } catch {
      // A login page instead of an answer, or half an answer.
      throw new PhtProblem(UNREADABLE, response.status);
    }
  }

  private async _download(path: string, name: string): Promise<IDownload> {
    const response = await this._fetch(path, {});
    const told = /filename="([^"/\\]+)"/.exec(
      response.headers.get('Content-Disposition') ?? ''
    );
    return { name: told?.[1] ?? name, content: await response.blob() };
  }

  /** The answer, if it is a good one. Throws PhtProblem. */
  private async _fetch(path: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(
        this._url(path),
        { ...init, headers: ANSWERS },
        this._settings
      );
    } catch {
      throw new PhtProblem(
        {
          code: 'server-unreachable',
          message:
            'Your Jupyter server does not answer. What travels goes on without it; ' +
            'check the connection, or start the server again.'
        },
        0
      );
    }
    if (!response.ok) {
      throw await refused(response);
    }
    return response;
  }

  private _open(): void {
    // A stream has no headers of its own: what other requests have there is in its address.
    const query = new URLSearchParams();
    if (this._settings.appendToken && this._settings.token) {
      query.set('token', this._settings.token);
    }
    const xsrf = /(?:^|; )_xsrf=([^;]+)/.exec(document.cookie);
    if (xsrf) {
      query.set('_xsrf', xsrf[1]);
    }
    const source = new EventSource(`${this._url('events')}?${query}`);
    this._source = source;
    source.onopen = () => {
      this._connected = true;
      this._refusal = null;
      this._pause = FIRST_PAUSE;
      this._changed.emit();
    };
    source.onerror = () => {
      if (this._connected) {
        this._connected = false;
        this._changed.emit();
      }
      // The browser tries again by itself, but not after a refusal.
      if (source.readyState === EventSource.CLOSED && !this._isDisposed) {
        this._retry = window.setTimeout(() => this._open(), this._pause);
        this._pause = Math.min(2 * this._pause, LONGEST_PAUSE);
        void this._askWhy();
      }
    };
    const on = <T>(kind: string, take: (data: T) => void) =>
      source.addEventListener(kind, event => {
        take(JSON.parse((event as MessageEvent<string>).data));
        this._changed.emit();
      });
    on<IStatus>('status', status => {
      this._status = status;
    });
    on<IStation[]>('stations', stations => {
      this._stations = stations;
    });
    on<IJourney[]>('journeys', journeys => {
      this._journeys = journeys;
    });
    on<IJourney>('journey', journey => this._take(journey));
    on<IProposal[]>('proposals', proposals => {
      this._proposals = proposals;
    });
  }

  /** A stream does not tell why it was refused; the same address, asked as any other, does. */
  private async _askWhy(): Promise<void> {
    const asking = new AbortController();
    let refusal: IProblem | null = null;
    try {
      const response = await this._fetch('events', { signal: asking.signal });
      const kind = response.headers.get('Content-Type') ?? '';
      refusal = kind.startsWith('text/event-stream') ? null : UNREADABLE;
    } catch (error) {
      const problem = error as PhtProblem;
      // Status 0: nothing answers, which is a lost connection and no refusal.
      refusal = problem.status ? problem.problem : null;
    }
    asking.abort();
    if (!this._isDisposed && !this._connected) {
      this._refusal = refusal;
      this._changed.emit();
    }
  }

  private _told(status: IStatus): IStatus {
    this._status = status;
    this._changed.emit();
    return status;
  }

  private _take(journey: IJourney): void {
    const others = this._journeys.filter(other => other.id !== journey.id);
    this._journeys = [journey, ...others].sort((a, b) =>
      b.submitted.localeCompare(a.submitted)
    );
    this._journeyChanged.emit(journey);
    this._changed.emit();
  }

  private _status: IStatus | null = null;
  private _stations: IStation[] = [];
  private _journeys: IJourney[] = [];
  private _proposals: IProposal[] = [];
  private _connected = false;
  private _refusal: IProblem | null = null;
  private _pause = FIRST_PAUSE;
  private _isDisposed = false;
  private _source: EventSource | null = null;
  private _retry = 0;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _journeyChanged = new Signal<this, IJourney>(this);
}

export const serverPlugin: JupyterFrontEndPlugin<IPhtServer> = {
  id: 'phtlab:server',
  description: 'Speaks with the phtlab server extension.',
  autoStart: true,
  provides: IPhtServer,
  activate: (app: JupyterFrontEnd): IPhtServer =>
    new PhtServer(app.serviceManager.serverSettings)
};
