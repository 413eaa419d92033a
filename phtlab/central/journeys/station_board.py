"""The list of stations for all streams: read once for all of them, and again after a change.

A notice says when to read again. A station that goes offline causes no notice, so a read is valid
for two seconds at most.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter

from phtlab.wire.api.journeys import StationView

READ_SECONDS: Final = 2.0
_STATIONS: Final = TypeAdapter(tuple[StationView, ...])


@dataclass(frozen=True)
class BoardEntry:
    """All stations as one line of JSON; `mark` changes when something else must be shown.

    A new `last_seen` of an online station does not change `mark`.
    """

    json: str
    mark: bytes


class StationBoard:
    """The last read of the stations."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._board_entry: BoardEntry | None = None
        self._serial = -1
        self._read_at = 0.0

    def now(self, serial: int, read: Callable[[], tuple[StationView, ...]]) -> BoardEntry:
        """Return the stations; calls `read` if `serial` is new or the last read is too old."""
        with self._lock:
            now = self._clock()
            if (
                self._board_entry is None
                or serial != self._serial
                or now - self._read_at >= READ_SECONDS
            ):
                self._board_entry, self._serial, self._read_at = _board_entry(read()), serial, now
            return self._board_entry


def _board_entry(stations: tuple[StationView, ...]) -> BoardEntry:
    marked = tuple(
        station.model_copy(update={"last_seen": None}) if station.online else station
        for station in stations
    )
    return BoardEntry(_json(stations), hashlib.sha256(_json(marked).encode()).digest())


def _json(stations: tuple[StationView, ...]) -> str:
    # Omit defaults: they are most of a short description of a data set.
    return _STATIONS.dump_json(stations, exclude_defaults=True).decode()
