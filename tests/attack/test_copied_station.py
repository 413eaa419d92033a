"""A station's folder copied to a second machine: both run what is ordered, with one key.

Central is real, and so are both daemons; only what would be in the sandbox and in the registry is
made up.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import cast

import pytest
import structlog

from phtlab.errors import RecordError, StationError
from phtlab.lab import Journey
from phtlab.station.backup.lost_history import accept_loss
from phtlab.station.context.maintenance import TWO_RECORDS, closed, pause, pause_of, resume
from phtlab.station.context.station_context import StationContext
from phtlab.station.stops.marker import Marker
from phtlab.train.documents.envelope import peek
from phtlab.train.documents.record import StopRecord
from phtlab.wire.api.journeys import JourneyView
from phtlab.wire.central.client import CentralClient
from tests.attack.real_central import Consort, connected
from tests.limits import LIMIT
from tests.raising import raises_code
from tests.station.station_world import (
    GOOD_COUNTS,
    FakeRun,
    ScriptedExecutor,
    World,
    identity,
)

ATTACKER = "hostile station"
Refused = Callable[[str, str, str], None]


@pytest.fixture
def station(lone_station: World) -> World:
    return lone_station


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def copied(station: World, consort: Consort, tmp_path: Path) -> World:
    """The station's folder on another machine."""
    place = tmp_path / "second"
    shutil.copytree(station.root, place)
    other = connected(World(place, station.settings), consort)
    other.artifacts = station.artifacts
    other.executor = ScriptedExecutor(place / "runs", other.now, FakeRun(files=GOOD_COUNTS))
    return other


@contextmanager
def running(*stations: World) -> Iterator[None]:
    """Their daemons, at work as `phtlab station run` has them."""
    over = threading.Event()
    with ExitStack() as ending:
        ending.callback(over.set)
        for world in stations:
            thread = threading.Thread(target=world.daemon().run, args=(over,))
            thread.start()
            ending.callback(thread.join, LIMIT)
        ending.callback(over.set)
        yield


def ordered(station: World, consort: Consort) -> JourneyView:
    """A new journey of ada's to the station."""
    offer = station.offer(stations=("cleveland",))
    consort.lab.central.submit_train(offer.train)
    return consort.lab.central.submit_journey(offer.order)


def paused_by(world: World) -> tuple[str, ...]:
    kept = pause_of(world.folder)
    return kept.contradicted if kept else ()


def log_of(world: World, action: str) -> list[str]:
    return [one.subject for one in world.station().audit.entries() if one.action == action]


def run_twice(station: World, copy: World, consort: Consort) -> JourneyView:
    """A journey that both have run, one after the other: central has heard of both records."""
    journey = ordered(station, consort)
    offers = cast(CentralClient, station.central).inbox().offers
    for world in (station, copy):
        daemon = world.daemon()
        (offer,) = (one for one in offers if one.journey == journey.id)
        daemon.receive(offer)
        stop = daemon.station.stops.stop(journey.id)
        until(lambda stop=stop, daemon=daemon: not daemon.step() and stop.has(Marker.RECORD))  # type: ignore[misc]
    return journey


def test_one_order_run_by_a_copy_as_well_pauses_both_and_alarms_the_researcher(
    station: World, consort: Consort, tmp_path: Path, refused: Refused
) -> None:
    copy = copied(station, consort, tmp_path)
    journey = run_twice(station, copy, consort)
    seen = Journey(consort.lab.session, journey)
    with structlog.testing.capture_logs() as logs, running(station, copy):
        until(lambda: paused_by(station) == paused_by(copy) == (journey.id,))
        until(lambda: consort.lab.central.stations()[0].paused == f"Paused: {TWO_RECORDS}")
        later = ordered(station, consort)
        for world in (station, copy):
            until(lambda world=world: world.stop_of(later.id).state == "verified")  # type: ignore[misc]
            why = closed(world.station())
            assert why is not None
            assert "--copy-ended" in why.sentence
    for world in (station, copy):
        assert log_of(world, "record-contradicted") == [journey.id]
        assert (world.folder.contradictions / f"{journey.id[7:]}.json").exists()
        assert not world.stop_of(later.id).has(Marker.STARTING)
    assert sum("two records" in line["event"] for line in logs) == 2
    shown = seen.refresh()
    assert "signed two different records" in repr(shown)
    assert 'role="alert"' in shown._repr_html_()
    told = consort.lab.central.notifications.get().notifications
    assert "stop-contradicted" in [one.event for one in told]
    refused(ATTACKER, "cannot run an order twice from a copied folder unseen", "all are paused")


def test_a_contradicted_station_goes_on_only_once_somebody_says_that_the_copy_was_ended(
    station: World, consort: Consort, tmp_path: Path, refused: Refused
) -> None:
    copy = copied(station, consort, tmp_path)
    journey = run_twice(station, copy, consort)
    with running(station):
        until(lambda: paused_by(station) == (journey.id,))
        with raises_code(StationError, "pause-held"):
            resume(station.station(), by="olga")
        with raises_code(StationError, "pause-held"):
            pause(station.station(), by="olga", reason="a coffee")
        resume(station.station(), by="olga", copy_ended=True)
        # What left from the copy is not known here.
        held = ordered(station, consort)
        until(lambda: station.stop_of(held.id).waits_for == "release")
        accept_loss(
            StationContext(station.folder, station.settings),
            ["heart"],
            by="olga",
            reason="it was a test",
        )
        later = ordered(station, consort)
        until(lambda: station.stop_of(later.id).is_reported)
    # Central names the first journey with every answer: it was looked into, and is no news.
    assert pause_of(station.folder) is None
    assert log_of(station, "record-contradicted") == [journey.id]
    refused(ATTACKER, "cannot let a paused clone go on without a person's word", "pause-held")


def test_a_second_journey_of_a_copy_pauses_again(
    station: World, consort: Consort, tmp_path: Path, refused: Refused
) -> None:
    copy = copied(station, consort, tmp_path)
    first, second = (run_twice(station, copy, consort) for _ in range(2))
    with running(station):
        until(lambda: set(paused_by(station)) == {first.id, second.id})
    resume(station.station(), by="olga", copy_ended=True)
    accept_loss(
        StationContext(station.folder, station.settings), ["heart"], by="olga", reason="looked at"
    )
    third = run_twice(station, copy, consort)
    with running(copy), running(station):
        until(lambda: third.id in paused_by(station))
    refused(ATTACKER, "cannot be resumed and go on running twice", "paused for each journey")


def test_a_central_that_speaks_of_two_records_and_shows_none_pauses_nobody(
    station: World, consort: Consort, refused: Refused
) -> None:
    journey = ordered(station, consort)
    daemon = station.daemon()
    with structlog.testing.capture_logs() as logs:
        daemon.check_contradictions([journey.id])
    assert pause_of(station.folder) is None
    assert [line["code"] for line in logs] == ["record-same"]
    refused("hostile central", "cannot pause a station by speaking of a copy", "record-same")


@pytest.mark.parametrize("forged", ["the same twice", "of another stop", "signed by another"])
def test_two_records_that_prove_nothing_pause_nobody(
    forged: str,
    station: World,
    consort: Consort,
    tmp_path: Path,
    refused: Refused,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copy = copied(station, consort, tmp_path)
    journey, other = (run_twice(station, copy, consort) for _ in range(2))
    mine = station.stop_of(journey.id).record()
    made = {
        "the same twice": lambda: mine,
        "of another stop": lambda: station.stop_of(other.id).record(),
        "signed by another": lambda: (
            station.stop_of(journey.id)
            .final_record()
            .model_copy(update={"finished": station.now()})
            .sign(identity("ada"))
        ),
    }[forged]()
    client = cast(CentralClient, station.central)
    view = client.journey(journey.id)
    (stop,) = view.stops
    lie = view.model_copy(
        update={"stops": (stop.model_copy(update={"record": mine, "conflict": made}),)}
    )
    monkeypatch.setattr(client, "journey", lambda _: lie)
    with structlog.testing.capture_logs() as logs:
        station.daemon().check_contradictions([journey.id])
    assert pause_of(station.folder) is None
    (line,) = logs
    assert line["event"] == "contradiction not proven"
    refused("hostile central", f"cannot pause a station with two records, {forged}", line["code"])


def test_a_record_that_says_something_else_is_refused_and_kept_as_evidence(
    station: World, consort: Consort, tmp_path: Path, refused: Refused
) -> None:
    copy = copied(station, consort, tmp_path)
    journey = run_twice(station, copy, consort)
    first, other = (world.stop_of(journey.id).record() for world in (station, copy))
    client = cast(CentralClient, station.central)
    client.put_record(journey.id, "cleveland", first)
    with raises_code(RecordError, "record-exists"):
        client.put_record(journey.id, "cleveland", other)
    seen = Journey(consort.lab.session, journey).refresh()
    signed = StopRecord.model_validate(peek(other).predicate)
    assert seen._contradicted(seen._verify())["cleveland"].cargos == signed.cargos
    refused(ATTACKER, "cannot sign another record of a stop without an alarm", "record-exists")
