"""Cache of the roster and catalogue that this station trusts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from phtlab.errors import RosterError, RosterStaleError
from phtlab.trust_store.trust import Trusted


class RosterSource(Protocol):
    """Source of the newest roster: `phtlab.trust_store.trust.Trust`."""

    def refresh(self) -> Trusted: ...


class RosterCache:
    """Cache that refreshes the roster when it is older than `age` seconds. Thread-safe."""

    def __init__(self, trust: RosterSource, age: float, clock: Callable[[], float]) -> None:
        self._trust = trust
        self._age = age
        self._clock = clock
        self._lock = threading.Lock()
        self._known: Trusted | None = None
        self._fetched_at = 0.0

    def now(self, *, at_least_as_new_as: int = 0) -> Trusted:
        """Return the roster and catalogue, refreshed if they are old.

        They are also refreshed if an order names a later version, but at most once a second, since
        an order is unverified at this point. Raises RosterStaleError or CentralUnreachableError:
        neither is an error of the order.
        """
        with self._lock:
            since = self._clock() - self._fetched_at
            known = self._known
            behind = known is not None and known.roster.version < at_least_as_new_as
            # A time in the future: the clock was set back, so the age is unknown.
            old = since >= self._age or since < 0
            if known is None or old or (behind and since >= 1):
                known = self._refresh()
            return known

    def _refresh(self) -> Trusted:
        try:
            known = self._trust.refresh()
        except RosterStaleError:
            raise
        except RosterError as error:
            # Central delivers what the officers did not sign, which is not an error of an order.
            raise RosterStaleError(error.message, error.hint, code=error.code) from None
        self._known = known
        self._fetched_at = self._clock()
        return known
