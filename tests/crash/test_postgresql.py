"""Central's PostgreSQL goes away in the middle of journeys, and comes back."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from phtlab.errors import CentralUnreachableError
from tests.central.postgresql import Server, new_database, postgresql_server
from tests.crash.consortium import Light, light
from tests.crash.invariants import assert_soon
from tests.evidence import Evidence
from tests.raising import raises_code

pytestmark = pytest.mark.engine


GOES: dict[str, Callable[[Server], None]] = {
    "stopped": lambda server: server.stop("fast"),
    "killed with -9": lambda server: server.kill(),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgresql_server() as running:
        yield running


@pytest.fixture(scope="module")
def consortium(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Light]:
    place = tmp_path_factory.mktemp("postgresql")
    with light(place, database=new_database(server.url)) as up:
        yield up


@pytest.mark.parametrize("how", GOES)
def test_postgresql_is(server: Server, consortium: Light, evidence: Evidence, how: str) -> None:
    """Stations go on, a stream of events is taken up where it broke, nobody sees a 500."""
    journeys = [consortium.send() for _ in range(2)]
    heard: list[tuple[str, str]] = []

    def listen() -> None:
        for event in consortium.lab.central.events(journeys[-1].id):
            heard.append((event.stop.station, event.stop.state))

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    GOES[how](server)
    try:
        with raises_code(CentralUnreachableError, "central-database"):
            consortium.lab.central.journey(journeys[0].id)
        time.sleep(1)
    finally:
        server.start()
    journeys.append(consortium.send())
    consortium.ended(*journeys)
    assert_soon(lambda: consortium.violations(*journeys))
    listener.join(30)
    assert not listener.is_alive()
    finals = Counter(station for station, state in heard if state == "departed")
    assert finals == {"cleveland": 1, "hungary": 1}
    evidence(
        "kills",
        kill_point=f"PostgreSQL of central is {how}",
        count=1,
        outcome="stations and streams wait; each journey ended once",
    )
