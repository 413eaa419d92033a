"""What left with a journey of made-up counts is disregarded, as a person says, and stays logged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from phtlab.cli.station.commands import app
from phtlab.errors import StationError
from phtlab.station.airlock.history import released_counts
from phtlab.station.context.station_context import StationContext
from phtlab.station.policy.policy import default_policy
from phtlab.station.release.disregarded import disregard
from tests.raising import raises_code
from tests.station.station_world import FakeRun, World, make_world, table_files


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = make_world(tmp_path)
    made.add_hearts()
    made.folder.policy.write_text(default_policy("auto"))
    return made


def desk_of(world: World) -> StationContext:
    return StationContext(world.folder, world.settings, world.now)


def sent(world: World, female: int, male: int) -> tuple[str, str]:
    """A journey with these counts: its digest, and the verdict on them."""
    columns: dict[str, Any] = {
        "sex": ("string", ["female", "male"]),
        "n": ("integer", [female, male]),
    }
    world.scripted.script = FakeRun(files=table_files("counts", columns))
    offer = world.offer()
    world.begun(offer, steps=40)
    return offer.journey, world.stop(offer).final_record().outputs[0].verdict


def test_nothing_is_held_against_what_is_disregarded(world: World) -> None:
    made_up, _ = sent(world, 25, 31)
    assert sent(world, 26, 60)[1] == "suppressed"
    desk = desk_of(world)
    stop = desk.stops.find(made_up)
    assert disregard(desk, stop, by="grace", reason="made up") == (made_up,)
    assert sent(world, 27, 70)[1] == "released"
    (entry,) = [one for one in desk.audit.entries() if one.action == "outputs-disregarded"]
    assert (entry.actor, entry.subject, entry.details["reason"]) == ("grace", made_up, "made up")


def test_what_is_disregarded_is_put_aside_whole(world: World) -> None:
    made_up, _ = sent(world, 25, 31)
    (kept,) = world.folder.released.glob("*.json")
    content = kept.read_bytes()
    desk = desk_of(world)
    disregard(desk, desk.stops.find(made_up), by="grace", reason="made up")
    assert not kept.exists()
    assert (world.folder.released / released_counts.DISREGARDED / kept.name).read_bytes() == content


def test_journeys_that_let_the_same_leave_are_named(world: World) -> None:
    first, second = sent(world, 25, 31)[0], sent(world, 25, 31)[0]
    desk = desk_of(world)
    found = disregard(desk, desk.stops.find(first), by="grace", reason="made up")
    assert set(found) == {first, second}


def test_a_stop_of_which_nothing_is_known_is_said_so(world: World) -> None:
    world.scripted.script = FakeRun(files={})
    offer = world.offer()
    world.begun(offer, steps=40)
    with raises_code(StationError, "nothing-noted"):
        disregard(desk_of(world), world.stop(offer), by="grace", reason="made up")


def test_an_index_that_is_older_than_the_files_takes_no_harm(world: World) -> None:
    """Killed in between, the file is there and the index knows it not: it is taken in again."""
    made_up, _ = sent(world, 25, 31)
    (kept,) = world.folder.released.glob("*.json")
    with released_counts.released_index.opened(world.folder.released) as index:
        index.remove(kept.name)
    assert sent(world, 26, 60)[1] == "suppressed"
    desk = desk_of(world)
    disregard(desk, desk.stops.find(made_up), by="grace", reason="made up")
    assert sent(world, 27, 70)[1] == "released"


def test_the_command(world: World) -> None:
    made_up, _ = sent(world, 25, 31)
    arguments = ["disregard", made_up[:19], "--by", "grace", "-C", str(world.folder.path)]
    result = CliRunner().invoke(app, [*arguments, "--reason", "made up", "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.output) == {"journeys": [made_up]}
    again = CliRunner().invoke(app, [*arguments, "--reason", "made up"])
    assert again.exit_code == 0, again.output
    assert "not held any more against what left" in " ".join(again.output.split())
