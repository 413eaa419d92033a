"""What all streams show of the stations is read once, and again when something changed."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from phtlab.central.journeys.station_board import READ_SECONDS, StationBoard
from phtlab.wire.api.journeys import StationView


def test_it_is_read_once_until_something_is_told_or_it_is_too_old() -> None:
    now, reads = [0.0], []
    board = StationBoard(lambda: now[0])

    def read() -> tuple[StationView, ...]:
        reads.append(now[0])
        return (StationView(name="ulm", online=True),)

    for serial, moment in ((1, 0.0), (1, 1.0), (2, 1.0), (2, 2.0), (2, 1.0 + READ_SECONDS)):
        now[0] = moment
        board.now(serial, read)
    assert reads == [0.0, 1.0, 1.0 + READ_SECONDS]


def test_that_an_online_station_was_seen_again_is_nothing_to_show() -> None:
    def shown(online: bool, second: int, running: int = 0) -> bytes:
        seen = datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC)
        station = StationView(name="ulm", online=online, last_seen=seen, running=running)
        return StationBoard().now(1, lambda: (station,)).mark

    assert shown(True, 1) == shown(True, 2)
    assert shown(False, 1) != shown(False, 2)
    assert len({shown(True, 1), shown(False, 1), shown(True, 1, running=1)}) == 3


def test_what_is_not_said_takes_no_room() -> None:
    station = StationView(name="ulm", online=False)
    shown = StationBoard().now(1, lambda: (station,))
    assert json.loads(shown.json) == [{"name": "ulm", "online": False}]
