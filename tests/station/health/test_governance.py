"""The self-test looks at the station's log, at central's, and at the list of what stands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from phtlab.errors import AuditError
from phtlab.files.durable_file import write_durably
from phtlab.governance.approval import ActiveApprovals
from phtlab.station.approvals.store import Approvals
from phtlab.station.audit.watch import Alarm, Watch, WatchState
from phtlab.station.context.self_test_result import Found
from phtlab.station.health.governance import approvals_check, audit_checks
from phtlab.train.documents.envelope import Envelope
from tests.governance.documents import approval
from tests.station.station_world import World, identity, make_world

NOW = datetime.now(UTC)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = make_world(tmp_path)
    for action in ("one", "two", "three"):
        world.station().audit.append(actor="grace", action=action)
    yield world


def test_a_whole_log_is_well(world: World) -> None:
    (result,) = audit_checks(world.folder, "cleveland")
    assert (result.name, result.state) == ("audit log", "ok")
    assert "3 entries" in result.sentence


def test_a_log_that_was_changed_is_broken_and_stops_new_runs(world: World) -> None:
    (month,) = world.folder.audit.glob("*.jsonl")
    month.write_bytes(month.read_bytes().replace(b'"two"', b'"2wo"'))
    with pytest.raises(AuditError):
        list(audit_checks(world.folder, "cleveland"))


def alarm(world: World, which: str) -> None:
    told = Alarm(log=which, code="audit-cut", sentence="Entries were removed.", at=NOW)
    Watch().keep(world.folder, which, WatchState(alarm=told))  # type: ignore[arg-type]


def test_what_others_saw_otherwise_is_broken(world: World) -> None:
    alarm(world, "own")
    (result,) = audit_checks(world.folder, "cleveland")
    assert Found.of(result).stops


def test_central_s_log_that_does_not_hold_is_told_and_stops_no_run(world: World) -> None:
    alarm(world, "central")
    own, central = audit_checks(world.folder, "cleveland")
    assert (own.state, central.state) == ("ok", "broken")
    assert not Found.of(central).stops


def state(world: World) -> tuple[str, str]:
    result = approvals_check(
        world.folder,
        "cleveland",
        world.central,  # type: ignore[arg-type]
        world.roster,
        world.now(),
    )
    return result.state, result.sentence


def standing(world: World, number: int, *, age: timedelta = timedelta(0)) -> None:
    issued = world.now().replace(microsecond=0) - age
    signed = ActiveApprovals(
        station="cleveland",
        number=number,
        approvals=(),
        roster_version=world.roster.version,
        issued=issued,
        expires=issued + timedelta(hours=24),
    ).sign(identity("cleveland"))
    write_durably(world.folder.active_approvals, signed.to_bytes())


def bring(world: World) -> None:
    kept = Envelope.from_bytes(world.folder.active_approvals.read_bytes())
    world.central.governance.put_active_approvals("cleveland", kept)


def test_the_list_of_what_stands_is_fresh_here_and_at_central(world: World) -> None:
    assert state(world) == ("ok", "Nothing was approved here yet.")
    Approvals(world.folder).keep(
        approval(None, None, station="cleveland").sign(identity("cleveland"))
    )
    assert state(world)[0] == "warning"  # nobody has signed a list yet
    standing(world, 5, age=timedelta(hours=25))
    assert state(world)[0] == "warning"  # it is stale
    bring(world)
    standing(world, 6)
    assert "Central shows an older list" in state(world)[1]
    bring(world)
    assert state(world) == ("ok", "0 stand; central shows the list.")
    standing(world, 7)
    assert "Central shows an older list" in state(world)[1]
