"""The inbox: a long poll wakes when there is news, and holds all that is unfinished."""

from __future__ import annotations

import socket
import threading
import time
from urllib.parse import urlsplit

import pytest

from phtlab.errors import CentralError
from phtlab.wire.api.journeys import Inbox
from phtlab.wire.central.token import audience_of, mint
from tests.central.world import World
from tests.limits import LIMIT, join
from tests.raising import raises_code


def _until_waiting(central: World) -> None:
    """Until a request waits at central, seen from inside."""
    while central.services.bus.waiting == 0:
        time.sleep(0.005)


def _poll(central: World, station: str, after: int, got: list[Inbox]) -> threading.Thread:
    client = central.client(station)
    thread = threading.Thread(target=lambda: got.append(client.inbox(after, wait=50)))
    thread.start()
    _until_waiting(central)
    return thread


def test_a_waiting_station_wakes_when_a_journey_is_submitted(central: World) -> None:
    got: list[Inbox] = []
    waiting = _poll(central, "ulm", 0, got)
    assert got == []
    journey = central.journey("ulm")
    join(waiting)
    (inbox,) = got
    assert [offer.journey for offer in inbox.offers] == [journey.id]
    assert inbox.offers[0].order == journey.order
    assert inbox.offers[0].train == central.client("ada").train(journey.train).envelope


def test_news_for_another_station_wakes_nobody(central: World) -> None:
    got: list[Inbox] = []
    waiting = _poll(central, "ulm", 0, got)
    central.journey("mainz")
    assert central.services.bus.waiting == 1
    assert got == []
    central.journey("ulm")
    join(waiting)
    assert len(got[0].offers) == 1


def test_a_poll_ends_with_its_connection(small_central: World) -> None:
    """Else it counts among the member's requests for a minute, and nobody receives its answer."""
    token = mint(small_central.identity("ulm"), audience_of("pht"), small_central.clock())
    address = urlsplit(small_central.url)
    with socket.create_connection((address.hostname, address.port), LIMIT) as poll:
        head = f"Host: central\r\nAuthorization: Bearer {token}\r\n\r\n"
        poll.sendall(f"GET /api/v1/inbox?after=0&wait=50 HTTP/1.1\r\n{head}".encode())
        _until_waiting(small_central)
    while small_central.services.bus.waiting:
        time.sleep(0.005)
    counted = 'route="/api/v1/inbox",status="499"'
    end = time.monotonic() + LIMIT
    while counted not in small_central.request("GET", "/metrics").text:
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_station_s_own_progress_does_not_wake_it(central: World) -> None:
    from phtlab.wire.api.journeys import StopUpdate

    journey = central.journey("ulm")
    ulm = central.client("ulm")
    cursor = ulm.inbox().cursor
    ulm.update_stop(journey.id, "ulm", StopUpdate(state="running", cell=1, cells=2))
    assert ulm.inbox().cursor == cursor


def test_without_news_the_answer_is_the_same(central: World) -> None:
    central.journey("ulm")
    ulm = central.client("ulm")
    first = ulm.inbox()
    assert ulm.inbox(first.cursor, wait=0.05) == first


def test_the_inbox_holds_everything_unfinished_oldest_first(central: World) -> None:
    journeys = [central.journey("ulm").id for _ in range(3)]
    ulm = central.client("ulm")
    cursor = ulm.inbox().cursor
    later = central.journey("ulm").id
    inbox = ulm.inbox(cursor, wait=30)
    assert [offer.journey for offer in inbox.offers] == [*journeys, later]


def test_a_cursor_of_another_database_is_answered_at_once(central: World) -> None:
    central.journey("ulm")
    inbox = central.client("ulm").inbox(after=10**12, wait=50)
    assert inbox.cursor < 10**12


def test_only_stations_have_an_inbox(central: World) -> None:
    with raises_code(CentralError, "forbidden"):
        central.client("ada").inbox()


def test_a_note_from_another_replica_wakes_the_waiting(
    central: World, request: pytest.FixtureRequest
) -> None:
    """Two servers on one database; with PostgreSQL by a note, else by looking again."""
    from phtlab.central.context import CentralContext
    from phtlab.central.server import serving
    from phtlab.wire.central.client import CentralClient

    other = CentralContext.of(central.settings, central.clock)
    with serving(central.settings, other) as url:
        got: list[Inbox] = []
        with CentralClient(url, central.identity("ulm")) as ulm:
            waiting = threading.Thread(target=lambda: got.append(ulm.inbox(0, wait=50)))
            waiting.start()
            while other.bus.waiting == 0:
                time.sleep(0.005)
            journey = central.journey("ulm")
            join(waiting)
    assert [offer.journey for offer in got[0].offers] == [journey.id]
