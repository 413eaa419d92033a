"""A run's log stays at its station, is read there, and is let go by hand: exactly what was read."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest

from phtlab.errors import RecordError, SealContextError, SealKeyError, StationError
from phtlab.station.release.run_log import log_text, marks_of, release_log, view_log
from phtlab.station.release.run_log_sending import send_log, send_released_logs
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.stop import Stop
from phtlab.train.canonical import digest
from phtlab.train.documents.order import Order, cargo_context
from phtlab.train.sealing import open_sealed
from phtlab.train.verify.released_log import ReleasedLog, verify_released_log
from phtlab.wire.api.journeys import Offer
from tests.limits import join
from tests.station.release.held_world import change_release, desk
from tests.station.station_world import FakeRun, World, _predicate, identity, make_world

ESCAPES = "Mrs. Muster\x1b[2J, born 1931"


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = make_world(tmp_path)
    made.add_hearts()
    error = {
        "type": "KeyError",
        "cell": 2,
        "line": 3,
        "message": ESCAPES,
        "traceback": "KeyError\n  at line 3",
    }
    made.scripted.script = FakeRun("cell-failed", error=error)
    return made


def failed(world: World) -> tuple[Offer, Stop]:
    offer = world.offer()
    assert world.travel(offer).code == "cell-failed"
    return offer, world.stop(offer)


def let_go(world: World, stop: Stop, by: str = "anna") -> object:
    view_log(desk(world), stop, by=by)
    return release_log(desk(world), stop, by=by, reason="Nothing of a patient in it.")


def sent(world: World, stop: Stop) -> bool:
    return send_log(world.station(), marks_of(world.folder) / stop.hex)


def opened(world: World, offer: Offer, *, reader: str = "ada") -> str:
    """As the researcher does it."""
    sealed, statement = world.artifacts.logs[offer.journey]
    order = Order.model_validate(_predicate(offer.order))
    said = verify_released_log(
        statement, journey=offer.journey, order=order, roster=world.roster, station="cleveland"
    )
    assert (digest(sealed), len(sealed)) == (said.log, said.size)
    target = io.BytesIO()
    context = cargo_context(offer.journey, order, "cleveland", "log")
    open_sealed(io.BytesIO(sealed), target, identity(reader).age, context, recipients=1)
    return target.getvalue().decode()


def test_a_person_reads_all_of_it_with_nothing_that_moves_a_cursor(world: World) -> None:
    _, stop = failed(world)
    text = view_log(desk(world), stop, by="anna")
    assert "Error: KeyError in cell 2, line 3\nMrs. Muster\\x1b[2J, born 1931\n" in text
    assert "  at line 3\nPrinted:\nprinted by the run\n" in text
    assert "\x1b" not in text


def test_what_was_read_is_what_the_researcher_opens(world: World) -> None:
    offer, stop = failed(world)
    before = world.central.records[0]
    assert let_go(world, stop) is not None
    assert sent(world, stop)
    assert opened(world, offer) == log_text(stop)
    assert stop.record() == before, "the signed record stays as it is"
    assert not (stop.path / "log.age").exists()
    assert not (marks_of(world.folder) / stop.hex).exists()


def test_what_did_not_fail_has_a_log_too(world: World) -> None:
    world.scripted.script = FakeRun(files=make_world(world.root / "other").scripted.script.files)
    offer = world.offer()
    world.travel(offer)
    stop = world.stop(offer)
    let_go(world, stop)
    assert sent(world, stop)
    assert "Outcome: the run came to its end" in opened(world, offer)


def test_a_log_that_nobody_read_is_not_let_go(world: World) -> None:
    _, stop = failed(world)
    with pytest.raises(StationError) as raised:
        release_log(desk(world), stop, by="anna", reason="It will be fine.")
    assert raised.value.code == "log-unseen"
    view_log(desk(world), stop, by="anna")
    (stop.operator / "log").write_bytes(b"another\n")
    with pytest.raises(StationError) as raised:
        release_log(desk(world), stop, by="anna", reason="It will be fine.")
    assert raised.value.code == "log-unseen"
    assert not marks_of(world.folder).exists()


def test_a_stop_that_did_not_run_has_no_log(world: World) -> None:
    offer = world.offer(cancelled=True)
    world.travel(offer)
    with pytest.raises(StationError) as raised:
        view_log(desk(world), world.stop(offer), by="anna")
    assert raised.value.code == "log-missing"


def test_where_high_risk_needs_two_persons_a_log_does(world: World) -> None:
    change_release(world, 'two_persons = ["high"]')
    _, stop = failed(world)
    assert let_go(world, stop) is None
    assert not sent(world, stop)
    assert world.artifacts.logs == {}
    with pytest.raises(StationError) as raised:
        let_go(world, stop)
    assert raised.value.code == "release-same-person"
    assert let_go(world, stop, by="carl") is not None
    assert sent(world, stop)


def test_a_log_opens_as_no_cargo_and_by_nobody_else(world: World) -> None:
    offer, stop = failed(world)
    let_go(world, stop)
    sent(world, stop)
    sealed, _ = world.artifacts.logs[offer.journey]
    order = Order.model_validate(_predicate(offer.order))
    context = cargo_context(offer.journey, order, "cleveland")
    with pytest.raises(SealContextError):
        open_sealed(io.BytesIO(sealed), io.BytesIO(), identity("ada").age, context)
    with pytest.raises(SealKeyError):
        opened(world, offer, reader="hungary")


def test_a_log_of_another_journey_or_station_is_refused(world: World) -> None:
    offer, stop = failed(world)
    let_go(world, stop)
    sent(world, stop)
    _, statement = world.artifacts.logs[offer.journey]
    order = Order.model_validate(_predicate(offer.order))
    said = ReleasedLog.model_validate(_predicate(statement))
    forged = said.sign(identity("hungary"))
    for envelope, journey, station, code in (
        (statement, "sha256:" + "0" * 64, "cleveland", "log-other"),
        (statement, offer.journey, "hungary", "log-signer"),
        (forged, offer.journey, "cleveland", "log-signer"),
        (forged, offer.journey, "hungary", "log-other"),
    ):
        with pytest.raises(RecordError) as raised:
            verify_released_log(
                envelope, journey=journey, order=order, roster=world.roster, station=station
            )
        assert raised.value.code == code


def test_a_registry_that_is_away_is_waited_for(world: World) -> None:
    offer, stop = failed(world)
    let_go(world, stop)
    world.artifacts.down = True
    until = threading.Event()
    sending = threading.Thread(target=send_released_logs, args=(world.station(), until))
    sending.start()
    try:
        threading.Event().wait(1.5)
        assert world.artifacts.logs == {}
        world.artifacts.down = False
        deadline = threading.Event()
        for _ in range(200):
            if stop.has(Marker.LOG_SENT):
                break
            deadline.wait(0.1)
    finally:
        until.set()
        join(sending)
    assert opened(world, offer) == log_text(stop)


def test_who_read_it_and_let_it_go_is_in_the_stations_log(world: World) -> None:
    _, stop = failed(world)
    let_go(world, stop)
    sent(world, stop)
    acts = [entry for entry in desk(world).audit.entries() if entry.action.startswith("log-")]
    assert [(one.actor, one.action) for one in acts] == [
        ("anna", "log-looked-at"),
        ("anna", "log-released"),
        ("cleveland", "log-sent"),
    ]
    assert acts[0].digest == acts[1].digest == digest(log_text(stop).encode())
    assert "Muster" not in repr(acts)
