"""Drafts that killed writers left are removed from every folder of a station when it starts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from phtlab.files.durable_file import replaced_durably
from phtlab.station.data.datasets import add_dataset
from phtlab.station.settings.folder import StationFolder
from tests.station.station_world import World, make_world

DRAFT = ".record.json.0123456789abcdef.part"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A station that has had a journey."""
    world = make_world(tmp_path)
    world.add_hearts()
    world.travel()
    return world


def folders_of(folder: StationFolder) -> Iterator[Path]:
    """All that are there, and those that a station makes when it needs them."""
    parts = (
        *("stops/0123/operator", "stops/0123/waiting", "drafts/0123", "proposals/0123/4567"),
        *("approvals", "revocations", "acceptances", "released", "audit", "logs-to-send"),
        *("console/links", "console/ended/grace", "twins", "trust", "datasets"),
        *("local/stops/0123/operator", "local/audit", "self-test/stops/0123", "self-test/trust"),
        "one-that-nobody-thought-of",
    )
    for part in parts:
        (folder.path / part).mkdir(parents=True, exist_ok=True)
    yield from (Path(place) for place, _, _ in os.walk(folder.path))


def plant(folders: Iterator[Path]) -> set[Path]:
    drafts = {folder / DRAFT for folder in folders}
    for draft in drafts:
        draft.write_bytes(b'{"payl')
    return drafts


def drafts_in(folder: StationFolder) -> set[Path]:
    return set(folder.path.rglob("*.part"))


def test_a_station_that_starts_removes_dead_drafts_from_every_folder(world: World) -> None:
    planted = plant(folders_of(world.folder))
    assert {draft.parent.name for draft in planted} >= {"audit", "operator", "local", "station"}
    kept = {path for path in world.folder.path.rglob("*") if path not in planted}
    world.daemon().sweep()
    assert drafts_in(world.folder) == set()
    assert set(world.folder.path.rglob("*")) == kept


def test_a_draft_that_a_command_writes_at_that_moment_stays(world: World) -> None:
    standing = world.folder.audit / "seen.json"
    dead = world.folder.audit / DRAFT
    dead.write_bytes(b"half")
    with replaced_durably(standing) as target:
        (living,) = drafts_in(world.folder) - {dead}
        target.write(b"{}")
        world.daemon().sweep()
        assert drafts_in(world.folder) == {living}
    assert standing.read_bytes() == b"{}"


def test_what_runs_write_and_the_operator_s_data_are_left_alone(
    world: World, tmp_path: Path
) -> None:
    """Nobody's draft lies there, and what a run writes is hostile."""
    data = world.folder.path / "data"
    data.mkdir()
    (data / "heart.csv").write_text("age,sex\n40,female\n")
    add_dataset(world.folder, "images", data, b'title = "Images"\n')
    others = [world.folder.path / part for part in ("data", "runs/stop-1/out", "local/runs/x/out")]
    for folder in others:
        folder.mkdir(parents=True, exist_ok=True)
    planted = plant(iter(others))
    world.daemon().sweep()
    assert drafts_in(world.folder) == planted


def test_what_only_looks_like_a_draft_is_left_alone_and_holds_nothing_up(
    world: World, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    target = outside / DRAFT
    target.write_bytes(b"not the station's")
    audit = world.folder.audit
    (world.folder.path / "linked").symlink_to(outside)
    (audit / f".link{DRAFT}").symlink_to(target)
    os.mkfifo(audit / f".pipe{DRAFT}")
    (audit / ".cargo.part").write_bytes(b"of no writer of ours")
    before = drafts_in(world.folder)
    world.daemon().sweep()
    assert drafts_in(world.folder) == before
    assert target.exists()
