"""A station watches central's log and its own, and says so loudly when one does not hold."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import structlog

from phtlab.errors import AuditError, CentralUnreachableError
from phtlab.files.durable_file import write_durably
from phtlab.governance.audit.chain import Checkpoint, open_checkpoint
from phtlab.station.audit.log import Log
from phtlab.station.audit.watch import Watch
from phtlab.station.context.station_context import StationContext
from phtlab.station.daemon import audit_witness
from phtlab.station.daemon.audit_witness import AuditWitness, watch_logs
from phtlab.station.health.audit import accept_central, audit_state
from tests.raising import raises_code
from tests.station.audit.simulated_audit import LOG, FakeAudit, chain
from tests.station.station_world import World, identity, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = make_world(tmp_path)
    for subject in ("j-1", "j-2", "j-3"):
        world.station().audit.append(actor="cleveland", action="stop-offered", subject=subject)
    return world


def audit(world: World) -> FakeAudit:
    return world.central.audit


def codes(world: World, witness: AuditWitness | None = None) -> list[tuple[str, str]]:
    """What stands after a look, of a station made anew unless a `witness` is given."""
    alarms = (witness or AuditWitness(world.station())).review_logs()
    assert alarms == Watch.of(world.folder).alarms
    return [(alarm.log, alarm.code) for alarm in alarms]


def log_file(world: World) -> Path:
    (path,) = world.folder.audit.glob("*.jsonl")
    return path


def test_it_signs_its_own_log_and_then_central_s_with_that(world: World) -> None:
    audit(world).add("journey-ordered", "stop-recorded")
    assert codes(world) == []
    assert audit(world).signed == [("cleveland", "cleveland", 3), ("cleveland", LOG, 4)]
    for view in audit(world).views:
        checkpoint = open_checkpoint(view.envelope, world.roster)
        assert checkpoint.number == view.number
    witnessed = list(world.station().audit.entries())[-1]
    assert (witnessed.action, witnessed.subject) == ("log-witnessed", LOG)
    assert witnessed.digest == audit(world).end.digest


def test_what_has_not_changed_is_not_signed_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = AuditWitness(world.station())
    codes(world, witness)
    signed = audit(world).signed
    assert signed == [("cleveland", "cleveland", 3), ("cleveland", LOG, 2)]
    with monkeypatch.context() as patch:
        patch.setattr(Log, "append", lambda *_, **__: None)
        codes(world, witness)  # That it signed is an entry of its own log.
        codes(world, witness)
    assert audit(world).signed[2:] == [("cleveland", "cleveland", 4), ("cleveland", LOG, 3)]


def test_a_long_log_is_read_page_by_page_and_only_what_is_new(world: World) -> None:
    audit(world).page_size = 3
    audit(world).add(*["journey-ordered"] * 20)
    witness = AuditWitness(world.station())
    assert codes(world, witness) == []
    asked: list[int] = []
    page = audit(world).page
    audit(world).page = lambda after=0: asked.append(after) or page(after)  # type: ignore[method-assign, func-returns-value]
    assert codes(world, witness) == [] and min(asked) == 22
    world.ahead = timedelta(days=1, seconds=1)
    assert codes(world, witness) == [] and min(asked) == 0, "all of it, each day"


def test_a_central_log_that_was_cut_is_an_alarm_until_it_is_whole_again(world: World) -> None:
    audit(world).add("one", "two")
    codes(world)
    whole = audit(world).entries
    audit(world).entries = whole[:2]
    with structlog.testing.capture_logs() as said:
        assert codes(world) == [(LOG, "audit-cut")]
    assert [line["log_level"] for line in said if "does not hold" in line["event"]] == ["error"]
    audit(world).entries = whole[:2]
    assert codes(world) == [(LOG, "audit-cut")]
    logged = [e.details["code"] for e in world.station().audit.entries() if "alarm" in e.action]
    assert logged == ["audit-cut"]
    signed = [number for witness, log, number in audit(world).signed if log == LOG]
    assert signed == [4], "what does not hold is not signed"
    audit(world).entries = whole
    assert codes(world) == []


def test_a_central_log_written_anew_is_an_alarm(world: World) -> None:
    audit(world).add("one", "two")
    witness = AuditWitness(world.station())
    codes(world, witness)
    audit(world).entries = chain(["roster-published", "one", "other", "more", "three"])
    assert codes(world, witness) == [(LOG, "audit-chain")], "what is new follows another entry"
    assert codes(world) == [(LOG, "audit-rewritten")], "and after a restart all is read"


def test_an_old_entry_that_central_changed_shows_once_all_is_read_again(world: World) -> None:
    audit(world).add("one", "two")
    witness = AuditWitness(world.station())
    codes(world, witness)
    first, old, *others = audit(world).entries
    audit(world).entries = [first, old.model_copy(update={"actor": "eve"}), *others]
    world.ahead = timedelta(days=1, seconds=1)
    assert codes(world, witness) == [(LOG, "audit-chain")]


def test_a_central_that_shows_each_station_another_log_is_found_out(world: World) -> None:
    """Hungary signed another second entry than the one that is shown here."""
    other = chain(["roster-published", "another"])
    audit(world).add("one")
    checkpoint = Checkpoint(
        log=LOG,
        number=2,
        head=other[1].name,
        witness="hungary",
        roster_version=3,
        at=world.now(),
    )
    audit(world).put_checkpoint(checkpoint.sign(identity("hungary")))
    assert codes(world) == [(LOG, "audit-rewritten")]


def test_a_forged_checkpoint_alarms_nobody(world: World) -> None:
    forged = Checkpoint(
        log=LOG, number=1, head=chain(["x"])[0].name, witness="hungary", roster_version=3,
        at=world.now(),
    )  # fmt: skip
    audit(world).put_checkpoint(forged.sign(identity("ada")))
    with structlog.testing.capture_logs() as said:
        assert codes(world) == []
    assert [line["event"] for line in said] == ["checkpoint not believed"]


def test_the_station_s_own_log_is_watched_too(world: World) -> None:
    witness = AuditWitness(world.station())
    codes(world, witness)
    path = log_file(world)
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    for changed, code in (
        (lines[:2], "audit-cut"),
        (lines[:1] + lines[2:], "audit-gap"),
        ([lines[0], lines[1].replace(b"j-2", b"j-9"), *lines[2:]], "audit-chain"),
        (
            [e.to_line() + b"\n" for e in chain(["x"] * len(lines), log="cleveland")],
            "audit-rewritten",
        ),
    ):
        write_durably(path, b"".join(changed))
        assert ("cleveland", code) in codes(world, witness), "while it runs"
        write_durably(path, b"".join(changed))
        assert ("cleveland", code) in codes(world), "and after a restart"
        write_durably(path, content)
        assert codes(world, witness) == []


def test_who_removes_what_was_seen_too_is_found_out_by_what_central_has(world: World) -> None:
    codes(world)
    path = log_file(world)
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    (world.folder.audit / "seen.json").unlink()
    assert ("cleveland", "audit-cut") in codes(world)


def test_a_central_that_is_away_changes_nothing_of_what_is_known(world: World) -> None:
    codes(world)
    known = Watch.of(world.folder)
    world.central.down = True
    with pytest.raises(CentralUnreachableError):
        AuditWitness(world.station()).review_logs()
    assert Watch.of(world.folder) == known


def test_a_station_killed_after_it_signed_signs_again_and_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Watch, "keep", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            AuditWitness(world.station()).review_logs()
    assert codes(world) == []
    assert [log for _, log, _ in audit(world).signed] == ["cleveland", "cleveland", LOG]


def test_the_station_s_health_says_which_log_does_not_hold(world: World) -> None:
    assert "not verified yet" in audit_state(world.folder, "cleveland")
    audit(world).add("one", "two")
    codes(world)
    assert "central's log verified at" in audit_state(world.folder, "cleveland")
    audit(world).entries = audit(world).entries[:1]
    codes(world)
    with raises_code(AuditError, "audit-cut"):
        audit_state(world.folder, "cleveland")


def test_a_central_that_was_restored_is_watched_anew_once_a_person_says_why(world: World) -> None:
    audit(world).add("one", "two")
    codes(world)
    desk = StationContext(world.folder, world.settings)
    with raises_code(AuditError, "audit-no-alarm"):
        accept_central(desk, by="op", reason="none")
    audit(world).entries = audit(world).entries[:1]
    assert codes(world) == [(LOG, "audit-cut")]
    before = Watch.of(world.folder).central.seen
    accept_central(desk, by="op", reason="restored from the backup of Monday, says vera")
    audit(world).views.clear()
    assert codes(world) == []
    said = next(e for e in desk.audit.entries() if e.action == "central-log-accepted")
    assert before is not None and said.digest == before.digest
    assert (said.actor, said.details["number"]) == ("op", str(before.number))


def test_the_daemon_s_thread_looks_at_once_and_outlives_a_central_that_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.central.down = True
    looks, told = threading.Event(), []

    def warning(event: str, **_: object) -> None:
        told.append(event)
        looks.set()

    monkeypatch.setattr(audit_witness, "_log", SimpleNamespace(warning=warning, error=warning))
    until = threading.Event()
    thread = threading.Thread(target=watch_logs, args=(world.station(), until))
    thread.start()
    try:
        assert looks.wait(60)
        assert thread.is_alive()
    finally:
        until.set()
        thread.join(60)
    assert told[0] == "audit logs not examined"
