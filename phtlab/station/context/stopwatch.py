"""Elapsed time of runs, unaffected by changes of the system clock."""

from __future__ import annotations

import time
from collections.abc import Callable


class Stopwatch:
    """Reads the wall clock once per run, and then uses a monotonic clock.

    So a run gets exactly its promised time, whether the wall clock is set ahead or back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._zero: dict[str, float] = {}

    def elapsed(self, run: str, wall_clock: float) -> float:
        """Return seconds since `run` started; `wall_clock` is that time by the wall clock now."""
        now = self._clock()
        return now - self._zero.setdefault(run, now - max(wall_clock, 0.0))

    def forget(self, run: str) -> None:
        """Drop a run that has ended."""
        self._zero.pop(run, None)
