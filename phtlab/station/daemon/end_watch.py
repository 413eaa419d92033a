"""Watch of the executor's runs, so that a stop goes on when its run ends, and not at the next tick.

It only shortens a wait: what a run left is read from the executor's status, as without it.
"""

from __future__ import annotations

import threading

import structlog

from phtlab.station.executor.contract import Executor
from phtlab.station.retry_delays import Backoff
from phtlab.station.safe_error_text import safe_error_text

_FIRST_SECONDS = 1.0
_SECONDS = 10.0
"""Of one watch. The thread sees only between two of them that it has to end."""
_log = structlog.get_logger("phtlab.station")


class EndWatch:
    """Sets `wake` when a run ends. `active` is whether the executor reports ends."""

    def __init__(self, executor: Executor, wake: threading.Event) -> None:
        self._executor = executor
        self._wake = wake
        self._ended = threading.Event()
        self.active = False

    def run(self, until: threading.Event) -> None:
        """Watch until `until` is set, or end at once if the executor cannot watch its runs."""
        backoff, seconds = Backoff(first=1.0), _FIRST_SECONDS
        while not until.is_set():
            try:
                self.active = self._executor.await_ends(seconds, self.note)
            # All errors: the stops themselves report an engine that does not answer.
            except Exception as error:
                self.active, seconds = False, _FIRST_SECONDS
                wait = backoff.failed("watch", 0.0)
                _log.info("ends not watched", seconds=round(wait, 1), why=safe_error_text(error))
                until.wait(wait)
                continue
            if not self.active:
                return
            backoff.succeeded("watch")
            seconds = _SECONDS

    def note(self) -> None:
        """Note that a run has ended."""
        self._ended.set()
        self._wake.set()

    def taken(self) -> bool:
        """Return whether a run has ended since the last call."""
        ended = self._ended.is_set()
        self._ended.clear()
        return ended

    def put_back(self) -> None:
        """Let the next `taken` return True again."""
        self._ended.set()
