/**
 * Asking again and again about something that changes, one question at a time.
 *
 * What is answered is always said of what stands: an answer to what was there before is dropped,
 * and what has not changed is not asked about again.
 */
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

export interface IQuestion<T, A> {
  /** What stands now. It is compared as JSON. */
  read(): T;
  ask(about: T): Promise<A>;
}

export class LiveCheck<T, A> implements IDisposable {
  /** `pause`: milliseconds without a change before `later` asks. */
  constructor(
    private readonly _question: IQuestion<T, A>,
    private readonly _pause: number
  ) {}

  /** The last answer; null before the first. */
  get answer(): A | null {
    return this._answer;
  }

  /** Why the last question got no answer; null if it got one. */
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
    window.clearTimeout(this._timer);
    Signal.clearData(this);
  }

  /** Something changed: ask when it has rested for a while. */
  later(): void {
    this._wait(this._pause);
  }

  /** Ask at once, whatever was answered before. */
  anew(): void {
    this._asked = null;
    this._wait(0);
  }

  private _wait(pause: number): void {
    if (this._isDisposed) {
      return;
    }
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => void this._ask(), pause);
  }

  private async _ask(): Promise<void> {
    if (this._isDisposed) {
      return;
    }
    if (this._isAsking) {
      this._again = true;
      return;
    }
    const about = this._question.read();
    const asked = JSON.stringify(about);
    if (asked === this._asked) {
      return;
    }
    this._isAsking = true;
    this._asked = asked;
    let answer: A | null = null;
    let failure: unknown = null;
    try {
      answer = await this._question.ask(about);
    } catch (error) {
      failure = error;
    }
    this._isAsking = false;
    if (this._isDisposed) {
      return;
    }
    const stands = asked === JSON.stringify(this._question.read());
    if (stands) {
      this._answer = answer ?? this._answer;
      this._failure = failure;
      this._changed.emit();
    }
    if (!stands) {
      this._asked = null;
    }
    if (!stands || this._again) {
      this._again = false;
      this.later();
    }
  }

  private _answer: A | null = null;
  private _failure: unknown = null;
  private _asked: string | null = null;
  private _again = false;
  private _isAsking = false;
  private _isDisposed = false;
  private _timer = 0;
  private readonly _changed = new Signal<this, void>(this);
}
