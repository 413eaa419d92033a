"""Outputs that the airlock holds: kept for a person, who lets them go, whole or in part, or not."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from phtlab.errors import SandboxError, StationError
from phtlab.station.pipeline import departure
from phtlab.station.release import held_outputs
from phtlab.station.release.votes import Redaction
from phtlab.station.stops.stop import Stop
from phtlab.train.documents.record import StopRecord
from phtlab.wire.api.journeys import Offer
from tests.raising import raises_code
from tests.station.release.held_world import (
    SMALL,
    WHY,
    change_release,
    desk,
    held,
    held_offer,
    holding_world,
    say,
    tables,
)
from tests.station.station_world import COUNTS, FakeRun, World, table_files


@pytest.fixture
def world(tmp_path: Path) -> World:
    return holding_world(tmp_path)


def also_counts(world: World) -> World:
    """`counts` is held as well."""
    world.scripted.script = FakeRun(files=tables(women=4))
    return world


def left(record: StopRecord) -> dict[str, tuple[str, str, int]]:
    return {o.name: (o.verdict, o.rule, o.suppressed_rows) for o in record.outputs}


def sent(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What is put into the cargo, by file name, from now on."""
    files: dict[str, bytes] = {}
    real: Callable[..., Any] = departure.open_cargo

    def opened(journey: str, station: str, passed: Any) -> Any:
        import tarfile

        content = real(journey, station, passed).read()
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for one in archive.getmembers():
                file = archive.extractfile(one)
                assert file is not None
                files[one.name] = file.read()
        return io.BufferedReader(io.BytesIO(content))  # type: ignore[arg-type]

    monkeypatch.setattr(departure, "open_cargo", opened)
    return files


def rows(content: bytes) -> dict[str, list[Any]]:
    return dict(pq.read_table(io.BytesIO(content)).to_pydict())


def test_a_held_output_waits_in_the_stops_folder_and_the_engine_is_given_back(world: World) -> None:
    _, stop = held(world)
    assert world.executor.jobs() == frozenset()
    there = stop.path / "waiting"
    assert {one.name for one in there.iterdir()} == {
        *("_cells.json", "_findings.json", "counts.parquet", "wards.parquet")
    }
    assert all(one.stat().st_mode & 0o077 == 0 for one in (there, *there.iterdir()))
    world.daemon().sweep()
    assert stop.state == "held"
    assert world.central.updates[-1].state == "held"
    assert world.central.updates[-1].sentence.startswith(
        "A person at cleveland will look at the output wards before anything leaves. wards (counts)"
    )
    assert world.central.records == []


def test_an_engine_that_fails_once_the_output_waits_costs_the_stop_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(job_id: str) -> None:
        raise SandboxError(f"The volume of {job_id} is busy.")

    with monkeypatch.context() as patch:
        patch.setattr(world.executor, "remove", broken)
        offer, stop = held(world)
    assert world.executor.jobs() == {stop.job_id}
    world.daemon().sweep()
    assert world.executor.jobs() == frozenset()
    say(world, stop, "release")
    assert world.travel(offer).outcome == "departed"


def test_that_it_waits_is_told_until_central_knows_it(world: World) -> None:
    offer = held_offer(world)
    daemon = world.begun(offer, steps=3)
    world.central.down = True
    while world.stop(offer).state != "held":
        daemon.step()
    for ahead in range(1, 4):
        world.ahead = timedelta(seconds=10 * ahead)
        daemon.step()
    assert all(update.state != "held" for update in world.central.updates)
    world.central.down = False
    daemon.step()
    assert world.central.updates[-1].state == "held"
    told = len(world.central.updates)
    daemon.step()
    assert len(world.central.updates) == told
    world.daemon().step()  # a station that was killed before it could say so
    assert len(world.central.updates) == told + 1


def test_what_waits_is_listed_and_looked_at_beside_why(world: World) -> None:
    _, stop = held(world)
    (one,) = held_outputs.held_stops(desk(world))
    assert (one.train, one.researcher) == ("heart", "ada")
    assert [output.name for output in one.undecided] == ["wards"]
    view = held_outputs.view_output(desk(world), stop, "wards", by="anna")
    assert view.table is not None
    assert view.table.columns == ("ward", "n")
    assert view.table.rows == (("A", 40), ("B", 41), ("C", SMALL))
    (finding,) = view.findings
    assert finding.rule == "small-count"
    assert str(SMALL) in finding.detail[0]
    assert (view.rule, view.sentence, view.words) == ("small-count", f"{WHY}.", ())


def test_released_it_departs_as_it_was_looked_at(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer, stop = held(world)
    files = sent(monkeypatch)
    assert say(world, stop, "release").by == ("anna",)
    record = world.travel(offer)
    assert left(record) == {
        "counts": ("released", "", 0),
        "wards": ("released", "small-count", 0),
    }
    assert record.outputs[1].sentence == (
        f"{WHY}; a person at the station looked at it and released it."
    )
    assert rows(files["wards.parquet"])["ward"] == ["A", "B", "C"]
    assert held_outputs.held_stops(desk(world)) == []
    assert not (stop.path / "waiting").exists()


def test_released_in_part_only_the_part_departs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer, stop = held(world)
    files = sent(monkeypatch)
    say(world, stop, Redaction(rows=(3,), cells=((2, "n"),)))
    record = world.travel(offer)
    assert left(record)["wards"] == ("suppressed", "small-count", 1)
    assert record.outputs[1].sentence == (
        f"{WHY}; a person at the station looked at it and released it without 1 row and 1 cell."
    )
    assert rows(files["wards.parquet"]) == {"ward": ["A", "B"], "n": [40, None]}
    assert b"C" not in files["wards.parquet"].replace(b"PAR1", b"")[:40]


def test_withheld_the_others_depart(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    offer, stop = held(world)
    files = sent(monkeypatch)
    say(world, stop, "refuse", reason="Ward C is one family.")
    record = world.travel(offer)
    assert record.outcome == "departed"
    assert left(record)["wards"] == ("refused", "small-count", 0)
    assert set(files) == {"cargo.json", "counts.parquet"}
    told = record.model_dump_json()
    assert "family" not in told
    assert "anna" not in told


def test_withheld_and_nothing_else_the_stop_fails(world: World) -> None:
    world.scripted.script = FakeRun(files=table_files("wards", {"n": ("integer", [40, SMALL])}))
    only = COUNTS.replace('"counts", counts', '"wards", counts')
    offer, stop = held(world, world.offer(world.train(only)))
    say(world, stop, "refuse")
    record = world.travel(offer)
    assert (record.outcome, record.code) == ("failed", "airlock-refused")
    assert left(record) == {"wards": ("refused", "small-count", 0)}


def test_nobody_decides_in_time_and_it_stays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    change_release(world, "days = 2")
    offer, _ = held(world)
    files = sent(monkeypatch)
    world.ahead += timedelta(days=2, minutes=1)
    record = world.travel(offer)
    assert record.outcome == "departed"
    assert left(record)["wards"] == ("refused", "small-count", 0)
    assert record.outputs[1].sentence == (
        f"{WHY}; nobody at the station decided in time, so it stays there."
    )
    assert set(files) == {"cargo.json", "counts.parquet"}


def test_nobody_decides_in_time_and_nothing_else_may_leave(world: World) -> None:
    offer, _ = held(also_counts(world))
    world.ahead += timedelta(days=7, minutes=1)
    record = world.travel(offer)
    assert (record.outcome, record.code) == ("failed", "release-expired")


def test_what_another_output_waits_for_is_not_sent_without_it(world: World) -> None:
    """One cargo a stop: it departs when every held output is decided on."""
    offer, stop = held(also_counts(world))
    say(world, stop, "release")
    for _ in range(5):
        world.daemon().step()
    assert stop.state == "held"
    held_outputs.decide(desk(world), stop, {"counts": "refuse"}, by="anna", reason="Not this one.")
    assert left(world.travel(offer)) == {
        "counts": ("refused", "small-count", 0),
        "wards": ("released", "small-count", 0),
    }


def two_persons(world: World) -> tuple[Offer, Stop]:
    change_release(world, 'two_persons = ["low"]')
    return held(world)


def test_where_the_policy_says_so_two_persons_release(world: World) -> None:
    offer, stop = two_persons(world)
    assert stop.held_because.startswith(
        "Two persons at cleveland will look at the output wards before anything leaves. "
    )
    assert say(world, stop, "release", by="anna") is None
    world.daemon().step()
    assert stop.state == "held"
    with raises_code(StationError, "release-same-person"):
        say(world, stop, "release", by="anna")
    with raises_code(StationError, "release-disagreed"):
        say(world, stop, Redaction(rows=(1,)), by="carl")
    assert say(world, stop, "release", by="carl").by == ("anna", "carl")
    assert world.travel(offer).outputs[1].verdict == "released"


def test_both_persons_are_releasers_of_the_console_if_it_has_people(world: World) -> None:
    """Else a second name would be a second person."""
    _, stop = two_persons(world)
    (world.folder.path / "people.toml").write_text(
        '[people.anna]\nroles = ["releaser"]\n[people.rea]\nroles = ["reviewer"]\n'
        '[people.carl]\nroles = ["admin", "releaser"]\n'
    )
    assert say(world, stop, "release", by="anna") is None
    for name, code in (("anna2", "person-unknown"), ("rea", "person-role")):
        with pytest.raises(StationError) as raised:
            say(world, stop, "release", by=name)
        assert raised.value.code == code
    assert say(world, stop, "release", by="carl").by == ("anna", "carl")


def test_of_two_persons_one_can_withhold(world: World) -> None:
    offer, stop = two_persons(world)
    say(world, stop, "release", by="anna")
    outcome = say(world, stop, "refuse", by="carl")
    assert (outcome.choice, outcome.by) == ("refuse", ("carl",))
    assert world.travel(offer).outputs[1].verdict == "refused"


def test_a_word_is_given_once(world: World) -> None:
    _, stop = held(world)
    say(world, stop, "refuse")
    for by in ("anna", "carl"):
        with pytest.raises(StationError) as raised:
            say(world, stop, "release", by=by)
        assert raised.value.code == "release-decided"


@pytest.mark.parametrize(
    ("choices", "more", "code"),
    [
        ({"counts": "release"}, {}, "not-held"),
        ({"other": "release"}, {}, "not-held"),
        ({"wards": Redaction(rows=(4,))}, {}, "release-part"),
        ({"wards": Redaction(rows=(1, 2, 3))}, {}, "release-part"),
        ({"wards": Redaction(cells=((1, "age"),))}, {}, "release-part"),
        ({"wards": "release"}, {"reason": " "}, "release-reason"),
        ({"wards": "release"}, {"reason": "one\ntwo"}, "release-reason"),
        ({"wards": "release"}, {"by": "Bea B."}, "person"),
    ],
)
def test_a_word_that_cannot_be_is_refused_and_none_is_given(
    world: World, choices: Mapping[str, held_outputs.Choice], more: dict[str, str], code: str
) -> None:
    _, stop = held(world)
    with pytest.raises(StationError) as raised:
        held_outputs.decide(
            desk(world), stop, choices, **{"by": "anna", "reason": "Looked at it.", **more}
        )
    assert raised.value.code == code
    assert not list(stop.path.glob("word-*"))


def test_cancelled_while_it_waits_nothing_leaves_and_nothing_stays(world: World) -> None:
    offer, stop = held(world)
    say_later = desk(world)
    record = world.travel(offer.model_copy(update={"cancelled": True}))
    assert record.outcome == "cancelled"
    assert not (stop.path / "waiting").exists()
    with pytest.raises(StationError) as raised:
        held_outputs.decide(say_later, stop, {"wards": "release"}, by="anna", reason="Too late.")
    assert raised.value.code == "not-held"


def test_what_was_changed_while_it_waited_does_not_leave(world: World) -> None:
    offer, stop = held(world)
    path = stop.path / "waiting" / "wards.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(StationError) as raised:
        held_outputs.view_output(desk(world), stop, "wards", by="anna")
    assert raised.value.code == "stop-broken"
    say(world, stop, "release")
    record = world.travel(offer)
    assert (record.outcome, record.code) == ("failed", "station-error")
    assert world.artifacts.delivered == {}


def test_who_looked_and_decided_is_in_the_stations_log_and_the_reason_is_not(world: World) -> None:
    _, stop = held(world)
    held_outputs.view_output(desk(world), stop, "wards", by="anna")
    say(world, stop, Redaction(rows=(3,)), reason="Ward C is one family.")
    world.daemon().step()
    every = [(one.action, one.details) for one in desk(world).audit.entries()]
    assert ("outputs-held", {"outputs": "1", "persons": "1"}) in every
    assert ("outputs-decided", {"part": "1"}) in every
    acts = [entry for entry in desk(world).audit.entries() if entry.actor == "anna"]
    assert [(one.action, one.details["output"]) for one in acts] == [
        ("output-looked-at", "wards"),
        ("output-released-in-part", "wards"),
    ]
    assert acts[0].digest == acts[1].digest
    assert "family" not in repr(acts)
