/**
 * Redrawing as time passes: elapsed times count up while a journey travels.
 */
import { IDisposable } from '@lumino/disposable';

/** Elapsed times change each second while something travels, `5 min ago` each half minute. */
const INTERVAL = 1000; // ms
const SLOW_INTERVAL = 30_000; // ms

export class RefreshTimer implements IDisposable {
  constructor(private readonly _redraw: () => void) {}

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    window.clearInterval(this._timer);
  }

  /** Set the interval: none while nobody sees the panel. Redraws at once if it changes. */
  adjust(isVisible: boolean, isTravelling: boolean): void {
    const interval = !isVisible ? 0 : isTravelling ? INTERVAL : SLOW_INTERVAL;
    if (this._isDisposed || interval === this._interval) {
      return;
    }
    this._interval = interval;
    window.clearInterval(this._timer);
    if (interval > 0) {
      this._timer = window.setInterval(this._redraw, interval);
      this._redraw();
    }
  }

  private _isDisposed = false;
  private _interval = 0;
  private _timer = 0;
}
