"""The roster and catalogue as this station believes them just now."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from phtlab.errors import RosterError, RosterStaleError
from phtlab.trust_store.trust import Trusted


class RosterSource(Protocol):
    """What can be asked for the newest roster: `phtlab.trust_store.trust.Trust`."""

    def refresh(self) -> Trusted: ...


class RosterCache:
    """Asks again when what is known is older than `age` seconds. Safe between threads."""

    def __init__(self, trust: RosterSource, age: float, clock: Callable[[], float]) -> None:
        self._trust = trust
        self._age = age
        self._clock = clock
        self._lock = threading.Lock()
        self._known: Trusted | None = None
        self._fetched_at = 0.0

    def now(self, *, at_least_as_new_as: int = 0) -> Trusted:
        """The roster and catalogue; asked for anew if they are old.

        So they are, too, if an order was written under a later version, but not more
        often than once a second: an order is anybody's claim until it is verified.
        Raises RosterStaleError or CentralUnreachableError: neither is the order's fault.
        """
        with self._lock:
            since = self._clock() - self._fetched_at
            known = self._known
            behind = known is not None and known.roster.version < at_least_as_new_as
            # A time that has not come yet: the clock was set back, and nobody knows how old it is.
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
            # Central delivers what the officers did not sign: no order is to blame for it.
            raise RosterStaleError(error.message, error.hint, code=error.code) from None
        self._known = known
        self._fetched_at = self._clock()
        return known
