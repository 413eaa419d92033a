"""The station's log has what became of each stop, once, whenever the station was killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from phtlab.errors import AuditError
from phtlab.governance.audit.chain import verify_chain
from phtlab.station.audit.log import Log
from phtlab.station.pipeline.audit_entries import StopAudit
from phtlab.station.policy.policy import default_policy
from phtlab.station.stops.file_contents import HoldDecision
from phtlab.train.documents.envelope import peek
from tests.station.station_world import FakeRun, World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = make_world(tmp_path)
    world.add_hearts()
    return world


def actions(world: World) -> list[str]:
    entries = list(world.station().audit.entries())
    verify_chain(entries, log="cleveland")
    return [entry.action for entry in entries]


def test_a_stop_is_logged_with_the_digests_of_its_order_its_train_and_its_record(
    world: World,
) -> None:
    offer = world.offer()
    world.travel(offer)
    offered, admitted, started, ended = world.station().audit.entries()
    assert {entry.subject for entry in (offered, admitted, started, ended)} == {offer.journey}
    assert (offered.action, offered.digest) == ("stop-offered", offer.order.digest)
    train = peek(offer.train).subject[0].sha256
    assert (admitted.action, admitted.digest) == ("stop-admitted", train)
    assert admitted.details["researcher"] == "ada"
    assert (started.action, started.digest) == ("stop-started", train)
    assert (ended.action, ended.details) == ("stop-ended", {"outcome": "departed"})
    assert {ended.digest} == world.central.distinct_records


def test_what_is_held_and_what_is_refused_is_logged_with_the_reason(world: World) -> None:
    world.folder.policy.write_text(default_policy("human"))
    offer = world.offer()
    daemon = world.begun(offer, steps=3)
    held = list(world.station().audit.entries())[-1]
    assert held.action == "stop-held" and held.details["reason"]
    refusal = HoldDecision(verdict="refuse", reason="no legal ground")
    daemon.station.stops.stop(offer.journey).decide(refusal)
    for _ in range(5):
        daemon.step()
    ended = list(world.station().audit.entries())[-1]
    assert (ended.action, ended.details) == (
        "stop-ended",
        {"outcome": "refused", "code": "operator"},
    )


def test_a_failed_run_is_logged_with_its_code_and_nothing_that_it_said(world: World) -> None:
    world.scripted.script = FakeRun(outcome="failed", error={"type": "KeyError", "cell": 1})
    world.travel()
    ended = list(world.station().audit.entries())[-1]
    assert ended.details["outcome"] == "failed" and set(ended.details) == {"outcome", "code"}


def test_a_station_made_anew_at_every_step_logs_each_thing_once(world: World) -> None:
    offer = world.offer()
    world.daemon().receive(offer)
    for _ in range(40):
        world.daemon().step()
    assert actions(world) == ["stop-offered", "stop-admitted", "stop-started", "stop-ended"]


def test_a_stop_that_is_looked_at_after_its_end_is_not_logged_again(world: World) -> None:
    offer = world.offer()
    daemon = world.begun(offer, steps=40)
    stop = daemon.station.stops.stop(offer.journey)
    assert stop.ended
    audit = StopAudit(daemon.station.audit, daemon.station.stops)
    audit.note(stop)
    daemon.receive(offer)
    for _ in range(3):
        daemon._transitions.advance(stop)
    assert actions(world) == ["stop-offered", "stop-admitted", "stop-started", "stop-ended"]


def test_nothing_goes_on_that_cannot_be_logged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Log, **entry: object) -> None:
        raise OSError(28, "No space left on device")

    offer = world.offer()
    monkeypatch.setattr(Log, "append", full)
    daemon = world.begun(offer, steps=5)
    stop = daemon.station.stops.stop(offer.journey)
    assert stop.state == "offered" and not world.scripted.started
    monkeypatch.undo()
    world.travel(offer)
    assert actions(world) == ["stop-offered", "stop-admitted", "stop-started", "stop-ended"]


def test_a_log_that_is_broken_holds_the_stops_and_says_so(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.travel()
    (path,) = world.folder.audit.glob("*.jsonl")
    path.write_bytes(path.read_bytes()[:-30] + b"}\n")
    with pytest.raises(AuditError):
        world.station().audit.head()
    offer = world.offer()
    daemon = world.begun(offer, steps=5)
    assert daemon.station.stops.stop(offer.journey).state == "offered"
