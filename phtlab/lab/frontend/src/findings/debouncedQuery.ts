/**
 * A query that is sent again when its input has changed and rested, one request at a time.
 *
 * An answer to an outdated input is dropped, and an unchanged input is not sent again.
 */
import { IDisposable } from '@lumino/disposable';
import { Debouncer } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';

export interface IQuery<T, A> {
  /** The current input, compared as JSON. */
  read(): T;
  send(input: T): Promise<A>;
}

export class DebouncedQuery<T, A> implements IDisposable {
  /** `pause`: milliseconds without a change before `schedule` sends. */
  constructor(
    private readonly _query: IQuery<T, A>,
    pause: number
  ) {
    const send = () => void this._send();
    this._afterPause = new Debouncer(send, pause);
    this._atOnce = new Debouncer(send, 0);
  }

  /** The last answer; null before the first. */
  get answer(): A | null {
    return this._answer;
  }

  /** The error of the last request; null if it was answered. */
  get failure(): unknown {
    return this._failure;
  }

  /** There is another answer, or another failure. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._afterPause.dispose();
    this._atOnce.dispose();
    Signal.clearData(this);
  }

  /** The input may have changed: send it once it has rested for the pause. */
  schedule(): void {
    if (!this._isDisposed) {
      void this._afterPause.invoke();
    }
  }

  /** Send the input at once, even if it is unchanged. */
  refresh(): void {
    this._lastInput = null;
    if (!this._isDisposed) {
      void this._atOnce.invoke();
    }
  }

  private async _send(): Promise<void> {
    if (this._isSending) {
      this._again = true;
      return;
    }
    const input = this._query.read();
    const serialized = JSON.stringify(input);
    if (serialized === this._lastInput) {
      return;
    }
    this._isSending = true;
    this._lastInput = serialized;
    let answer: A | null = null;
    let failure: unknown = null;
    try {
      answer = await this._query.send(input);
    } catch (error) {
      failure = error;
    }
    this._isSending = false;
    if (this._isDisposed) {
      return;
    }
    const isCurrent = serialized === JSON.stringify(this._query.read());
    if (isCurrent) {
      this._answer = answer ?? this._answer;
      this._failure = failure;
      this._changed.emit();
    }
    if (!isCurrent) {
      this._lastInput = null;
    }
    if (!isCurrent || this._again) {
      this._again = false;
      this.schedule();
    }
  }

  private _answer: A | null = null;
  private _failure: unknown = null;
  private _lastInput: string | null = null;
  private _again = false;
  private _isSending = false;
  private _isDisposed = false;
  private readonly _afterPause: Debouncer;
  private readonly _atOnce: Debouncer;
  private readonly _changed = new Signal<this, void>(this);
}
