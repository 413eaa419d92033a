"""How long runs have lasted, whatever is done to the clock meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable


class Stopwatch:
    """Believes the clock of the wall once a run, when it first hears of it.

    From then on it counts by a clock that is never set, so that a run has the time that it was
    promised, no less if the wall's is set ahead and no more if it is set back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._zero: dict[str, float] = {}

    def elapsed(self, run: str, wall_clock: float) -> float:
        """Seconds since `run` began; `wall_clock` is what the clock says of it now."""
        now = self._clock()
        return now - self._zero.setdefault(run, now - max(wall_clock, 0.0))

    def forget(self, run: str) -> None:
        """The run is over."""
        self._zero.pop(run, None)
