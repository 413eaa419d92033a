"""Telling central how far stops are: the latest word only, and never in anyone's way."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from phtlab.errors import PhtlabError
from phtlab.station.context.daemon_context import Central
from phtlab.wire.api.journeys import StopUpdate

_log = structlog.get_logger("phtlab.station")


class ProgressReporter:
    """Collects updates by journey and sends the last of each, at most every `interval` seconds.

    Updates are for display: one that cannot be sent is dropped, and sent only if it is told again.
    """

    def __init__(
        self, central: Central, station: str, interval: float, clock: Callable[[], float]
    ) -> None:
        self._central = central
        self._station = station
        self._interval = interval
        self._clock = clock
        self._lock = threading.Lock()
        self._latest: dict[str, StopUpdate] = {}
        self._sent: dict[str, tuple[StopUpdate, float]] = {}
        self.wake = threading.Event()

    def report(self, journey: str, update: StopUpdate) -> None:
        with self._lock:
            last = self._sent.get(journey)
            if last is not None and (last[0] == update or _is_earlier(last[0], update)):
                self._latest.pop(journey, None)
                return
            self._latest[journey] = update
        self.wake.set()

    def forget(self, journey: str) -> None:
        """Say nothing more of a journey: its record has the last word."""
        with self._lock:
            self._latest.pop(journey, None)
            self._sent.pop(journey, None)

    def flush(self) -> None:
        """Send what is due."""
        for journey, update in self._due():
            try:
                self._central.update_stop(journey, self._station, update)
            except PhtlabError as error:
                _log.info("update dropped", journey=journey[7:19], code=error.code)
                if update.state == "held":
                    self._repeat(journey, update)

    def _repeat(self, journey: str, update: StopUpdate) -> None:
        """A run's own reports are not repeated: see `_is_earlier`."""
        with self._lock:
            last = self._sent.get(journey)
            if last is not None and last[0] == update:
                del self._sent[journey]

    def _due(self) -> list[tuple[str, StopUpdate]]:
        now = self._clock()
        with self._lock:
            due = []
            for journey, update in list(self._latest.items()):
                last = self._sent.get(journey)
                # Only progress within one state is held back; a new state is news.
                same = last is not None and last[0].state == update.state
                if same and last is not None and 0 <= now - last[1] < self._interval:
                    continue
                due.append((journey, update))
                self._sent[journey] = (update, now)
                del self._latest[journey]
            return due


def _is_earlier(reported: StopUpdate, update: StopUpdate) -> bool:
    """The run itself writes how far it is: if that could go to and fro, it would carry data out."""
    return update.state == reported.state and (update.cell or 0) < (reported.cell or 0)
