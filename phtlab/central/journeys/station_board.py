"""The stations as all streams show them: read once for everyone, and again when something changed.

News says when to look again. That a station went away is no news, for nobody says so: therefore
what was read is good for two seconds at most.
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
    """All stations as one line of JSON; `mark` is another one when something else is to be shown.

    That an online station was just seen again is nothing to show.
    """

    json: str
    mark: bytes


class StationBoard:
    """What was read last."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._board_entry: BoardEntry | None = None
        self._serial = -1
        self._read_at = 0.0

    def now(self, serial: int, read: Callable[[], tuple[StationView, ...]]) -> BoardEntry:
        """The stations; `read` is called if `serial` is new or what is here is too old."""
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
    # Defaults are left out: a description in five columns is shorter without its ten blanks.
    return _STATIONS.dump_json(stations, exclude_defaults=True).decode()
