"""Stops one after the other: each is held against what those before have let leave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from phtlab.station.airlock.cells import CountedRow
from phtlab.station.airlock.disclosure.count_reading import CountReading
from phtlab.station.airlock.history import released_counts
from phtlab.station.airlock.work_limit import WorkLimit
from phtlab.station.stops.marker import Marker
from phtlab.train.documents.record import StopRecord
from tests.station.release.held_world import SMALL, held, holding_world, say
from tests.station.station_world import FakeRun, World, make_world, table_files

BY_SEX = """
import phtlab
heart = phtlab.dataset("heart")
by_sex = heart.groupby("sex").size().rename("n").reset_index()
phtlab.publish("by_sex", by_sex, counts="n")
"""
BY_WARD = BY_SEX.replace("by_sex", "by_ward").replace('"sex"', '"ward"')


def table(name: str, dimension: str, counts: dict[str, int]) -> dict[str, bytes]:
    columns: dict[str, tuple[str, list[Any]]] = {
        dimension: ("string", list(counts)),
        "n": ("integer", list(counts.values())),
    }
    return table_files(name, columns)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = make_world(tmp_path)
    world.add_hearts()
    return world


def travel(world: World, source: str, files: dict[str, bytes]) -> StopRecord:
    """One more journey of its own, and the station's record of it."""
    world.central.records.clear()
    world.scripted.script = FakeRun(files=files)
    return world.travel(world.offer(world.train(source)))


def left(record: StopRecord) -> tuple[str, str, int]:
    (output,) = record.outputs
    return output.verdict, output.rule, output.suppressed_rows


def test_a_total_is_not_let_go_when_it_gives_away_what_an_earlier_stop_withheld(
    world: World,
) -> None:
    first = travel(world, BY_SEX, table("by_sex", "sex", {"female": 4, "male": 30}))
    assert left(first) == ("suppressed", "small-count", 1)
    second = travel(world, BY_WARD, table("by_ward", "ward", {"A": 20, "B": 14}))
    assert left(second) == ("suppressed", "complementary", 1)


def test_the_same_again_leaves_again_and_almost_the_same_does_not(world: World) -> None:
    for _ in range(2):
        record = travel(world, BY_SEX, table("by_sex", "sex", {"female": 25, "male": 31}))
        assert left(record) == ("released", "", 0)
    record = travel(world, BY_SEX, table("by_sex", "sex", {"female": 25, "male": 30}))
    assert left(record) == ("suppressed", "differencing", 1)


def test_a_twin_station_remembers_nothing(tmp_path: Path) -> None:
    twin = make_world(tmp_path, twin=True)
    twin.add_hearts()
    for men in (31, 30):
        record = travel(twin, BY_SEX, table("by_sex", "sex", {"female": 25, "male": men}))
        assert left(record) == ("released", "", 0)
    assert not twin.folder.released.exists()


def remembered(world: World) -> list[CountReading]:
    wards = tuple(CountedRow(frozenset({("ward", ward)}), 1, 0) for ward in "ABC")
    history = released_counts.ReleasedHistory(world.folder.released, ["heart"])
    return history.related([CountReading("new", ("ward",), wards)], 10, WorkLimit())


def counts_remembered(world: World) -> dict[str, int | None]:
    return {
        label: row.count
        for one in remembered(world)
        if one.whole
        for row in one.rows
        for name, label in row.cell
        if name == "ward"
    }


def test_what_waits_for_a_person_may_leave_and_is_reckoned_with_meanwhile(
    tmp_path: Path,
) -> None:
    world = holding_world(tmp_path)
    _, stop = held(world)
    assert counts_remembered(world) == {"a": 40, "b": 41, "c": SMALL}
    assert all(one.pending for one in remembered(world))
    say(world, stop, "refuse")
    while not stop.has(Marker.SEALED):
        world.daemon().step()
    assert counts_remembered(world) == {}
    assert not any(one.pending for one in remembered(world))
