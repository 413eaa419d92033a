import { RefreshTimer } from '../../train/refreshTimer';

describe('RefreshTimer', () => {
  let redraw: jest.Mock;
  let timer: RefreshTimer;

  beforeEach(() => {
    jest.useFakeTimers();
    redraw = jest.fn();
    timer = new RefreshTimer(redraw);
  });

  afterEach(() => {
    timer.dispose();
    jest.useRealTimers();
  });

  const redraws = (pause: number) => {
    redraw.mockClear();
    jest.advanceTimersByTime(pause);
    return redraw.mock.calls.length;
  };

  it('redraws each second while something travels, else each half minute', () => {
    timer.adjust(true, true);
    expect(redraws(3000)).toBe(3);
    timer.adjust(true, false);
    expect(redraws(29_000)).toBe(0);
    expect(redraws(1000)).toBe(1);
  });

  it('redraws at once when the interval changes, and only then', () => {
    timer.adjust(true, true);
    timer.adjust(true, true);
    expect(redraw).toHaveBeenCalledTimes(1);
  });

  it('does nothing while the panel is hidden, and after it is disposed', () => {
    timer.adjust(true, true);
    timer.adjust(false, true);
    expect(redraws(60_000)).toBe(0);
    timer.dispose();
    timer.adjust(true, true);
    expect(redraws(60_000)).toBe(0);
  });
});
