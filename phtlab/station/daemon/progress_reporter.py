"""Progress reports to central: only the latest per journey, without blocking anything."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from phtlab.errors import PhtlabError
from phtlab.station.context.daemon_context import Central
from phtlab.wire.api.journeys import StopUpdate

_log = structlog.get_logger("phtlab.station")


class ProgressReporter:
    """Collects updates by journey and sends the latest of each, at most every `interval` seconds.

    Updates are for display: one that cannot be sent is dropped, and sent only if it is reported
    again.
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
        """Drop a journey's updates: its record replaces them."""
        with self._lock:
            self._latest.pop(journey, None)
            self._sent.pop(journey, None)

    def flush(self) -> None:
        """Send the updates that are due."""
        for journey, update in self._due():
            try:
                self._central.update_stop(journey, self._station, update)
            except PhtlabError as error:
                _log.info("update dropped", journey=journey[7:19], code=error.code)
                if update.state == "held":
                    self._repeat(journey, update)

    def _repeat(self, journey: str, update: StopUpdate) -> None:
        """Let a held state be sent again; a run's own reports are not: see `_is_earlier`."""
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
                # Only progress within one state is delayed; a new state is sent at once.
                same = last is not None and last[0].state == update.state
                if same and last is not None and 0 <= now - last[1] < self._interval:
                    continue
                due.append((journey, update))
                self._sent[journey] = (update, now)
                del self._latest[journey]
            return due


def _is_earlier(reported: StopUpdate, update: StopUpdate) -> bool:
    """Whether a run's reported progress goes back, which is refused: it could encode data."""
    return update.state == reported.state and (update.cell or 0) < (reported.cell or 0)
