"""A restored station does not know all that has left: what counts waits until a person agrees."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from phtlab.cli.station.commands import app
from phtlab.errors import StationError
from phtlab.station.backup.lost_history import LostHistory, accept_loss, forget, forgotten_of
from phtlab.station.context.station_context import StationContext
from phtlab.station.policy.policy import default_policy
from phtlab.station.release.waiting import waiting_at
from tests.raising import raises_code
from tests.station.station_world import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = make_world(tmp_path)
    made.add_hearts()
    made.folder.policy.write_text(default_policy("auto"))
    return made


def forgetting(world: World, *datasets: str) -> LostHistory:
    forgotten = LostHistory(since=world.now() - timedelta(days=2), datasets=datasets)
    forget(world.folder, forgotten)
    return forgotten


def waits(world: World) -> str:
    """The rule by which the next journey's one output waits; empty if it left."""
    offer = world.offer()
    world.begun(offer, steps=40)
    stop = world.stop(offer)
    return waiting_at(stop).outputs[0].verdict.rule if stop.waits_for == "release" else ""


def test_what_counts_people_waits_until_the_loss_is_accepted(world: World) -> None:
    assert waits(world) == ""
    forgetting(world, "heart", "lung")
    assert waits(world) == "forgotten"
    desk = StationContext(world.folder, world.settings, world.now)
    accept_loss(desk, ["heart"], by="grace", reason="the lost journey was a trial of ours")
    assert waits(world) == ""
    assert forgotten_of(world.folder).datasets == ("lung",)  # type: ignore[union-attr]
    (entry,) = [one for one in desk.audit.entries() if one.action == "loss-accepted"]
    assert (entry.actor, entry.details["datasets"]) == ("grace", "heart")


def test_other_data_sets_are_not_held(world: World) -> None:
    forgetting(world, "lung")
    assert waits(world) == ""


def test_what_is_forgotten_twice_is_forgotten_since_the_first_time(world: World) -> None:
    first = forgetting(world, "lung")
    forget(world.folder, LostHistory(since=world.now(), datasets=("heart",)))
    assert forgotten_of(world.folder) == LostHistory(since=first.since, datasets=("heart", "lung"))


def test_only_what_is_forgotten_can_be_accepted(world: World) -> None:
    desk = StationContext(world.folder, world.settings, world.now)
    with raises_code(StationError, "nothing-forgotten"):
        accept_loss(desk, ["heart"], by="grace", reason="why not")
    forgetting(world, "heart")
    with raises_code(StationError, "nothing-forgotten"):
        accept_loss(desk, ["heart", "lung"], by="grace", reason="why not")
    assert waits(world) == "forgotten"


def test_a_broken_file_is_said_so_and_nothing_leaves(world: World) -> None:
    world.folder.forgotten.write_bytes(b"{}")
    with raises_code(StationError, "station-error"):
        forgotten_of(world.folder)


def test_the_command(world: World) -> None:
    forgetting(world, "heart")
    arguments = ["accept-loss", "heart", "--by", "grace", "-C", str(world.folder.path)]
    result = CliRunner().invoke(app, [*arguments, "--reason", "a trial"])
    assert result.exit_code == 0, result.output
    assert "held against what is known" in " ".join(result.output.split())
    assert not world.folder.forgotten.exists()
