/**
 * The last known status, stations, journeys and proposals, kept current by one stream of
 * server-sent events.
 *
 * The browser reopens the stream after a lost connection, and the server then sends everything anew:
 * what is shown after a pause is current, and nothing is polled.
 */
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import {
  IEvent,
  IJourney,
  IProblem,
  IProposal,
  IStation,
  IStatus
} from './api';
import { ServerError, UNREADABLE } from './errors';
import { IServerState } from './interfaces';
import { Requests } from './requests';

/** How long to wait before another stream is opened, at first and at most. */
const FIRST_PAUSE = 2000; // ms
const LONGEST_PAUSE = 30_000; // ms

export class ServerState implements IServerState, IDisposable {
  constructor(private readonly _requests: Requests) {
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
  get changed(): ISignal<this, void> {
    return this._changed;
  }
  get journeyChanged(): ISignal<this, IJourney> {
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

  /** Take over the status that a request answered. */
  setStatus(status: IStatus): void {
    this._status = status;
    this._changed.emit();
  }

  /** Take over a journey that a request answered or the stream sent. */
  setJourney(journey: IJourney): void {
    const others = this._journeys.filter(other => other.id !== journey.id);
    this._journeys = [journey, ...others].sort((a, b) =>
      b.submitted.localeCompare(a.submitted)
    );
    this._journeyChanged.emit(journey);
    this._changed.emit();
  }

  private _open(): void {
    const source = new EventSource(this._requests.streamUrl('events'));
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
        void this._fetchRefusal();
      }
    };
    const on = <Kind extends keyof IEvent>(
      kind: Kind,
      apply: (data: Required<IEvent>[Kind]) => void
    ) =>
      source.addEventListener(kind, event => {
        apply(JSON.parse((event as MessageEvent<string>).data));
        this._changed.emit();
      });
    on('status', status => {
      this._status = status;
    });
    on('stations', stations => {
      this._stations = stations;
    });
    on('journeys', journeys => {
      this._journeys = journeys;
    });
    on('journey', journey => this.setJourney(journey));
    on('proposals', proposals => {
      this._proposals = proposals;
    });
  }

  /** A stream does not tell why it was refused; the same address, asked as any other, does. */
  private async _fetchRefusal(): Promise<void> {
    const controller = new AbortController();
    let refusal: IProblem | null = null;
    try {
      const response = await this._requests.fetch('events', {
        signal: controller.signal
      });
      const kind = response.headers.get('Content-Type') ?? '';
      refusal = kind.startsWith('text/event-stream') ? null : UNREADABLE;
    } catch (error) {
      const problem = error as ServerError;
      // Status 0: nothing answers, which is a lost connection and no refusal.
      refusal = problem.status ? problem.problem : null;
    }
    controller.abort();
    if (!this._isDisposed && !this._connected) {
      this._refusal = refusal;
      this._changed.emit();
    }
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
