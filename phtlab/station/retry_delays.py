"""Delays before retries: growing exponentially, with a random part."""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass
class Backoff:
    """Retry times by key. Times are in seconds of one clock, given by the caller."""

    first: float = 0.5
    longest: float = 60.0
    _tries: dict[str, int] = field(default_factory=dict)
    _until: dict[str, float] = field(default_factory=dict)

    def failed(self, what: str, now: float) -> float:
        """Record a failure. Return the seconds to wait.

        The delay doubles up to `longest`; half of it is random, so that stations that lost central
        together do not reconnect together.
        """
        tries = self._tries.get(what, 0)
        self._tries[what] = tries + 1
        whole = min(self.longest, self.first * 2.0 ** min(tries, 20))
        wait = whole / 2 + random.uniform(0, whole / 2)  # noqa: S311 - not for secrets
        self._until[what] = now + wait
        return wait

    def tries(self, what: str) -> int:
        """Number of failures since the last success."""
        return self._tries.get(what, 0)

    def succeeded(self, what: str) -> None:
        self._tries.pop(what, None)
        self._until.pop(what, None)

    def ready(self, what: str, now: float) -> bool:
        until = self._until.get(what, now)
        # Later than the longest delay: the clock was set back meanwhile.
        return now >= until or until - now > self.longest

    def next(self, now: float) -> float | None:
        """Return the seconds until the next retry; None if nothing waits."""
        waits = [until - now for until in self._until.values() if until > now]
        return min(waits) if waits else None
