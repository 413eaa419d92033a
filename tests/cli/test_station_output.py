"""What a person at the station types when the airlock holds an output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from phtlab.cli.station import commands as station_cli
from phtlab.errors import StationError
from tests.raising import raises_code
from tests.station.release.held_world import SMALL, WHY, held, holding_world
from tests.station.station_world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return holding_world(tmp_path)


def typed(world: World, *words: str) -> Result:
    place = ("-C", str(world.folder.path))
    result = CliRunner().invoke(station_cli.app, [*words, *place])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_nothing_waits(world: World) -> None:
    assert typed(world, "output", "list").stderr == "No output waits for a person at cleveland.\n"


def test_listed_looked_at_and_released_in_part(world: World) -> None:
    offer, stop = held(world)
    short = stop.hex[:12]
    listed = typed(world, "output", "list")
    assert f"{short}  heart  ada" in listed.stdout
    assert "wards" in listed.stdout
    assert f"phtlab station output show {short} -C" in listed.stderr
    looked = typed(world, "output", "show", short, "--by", "anna")
    assert f'phtlab station output release {short} wards --reason "…" --by anna -C' in looked.stderr
    assert f"held by small-count: {WHY}." in looked.stdout
    table = [line.split() for line in looked.stdout.splitlines()]
    assert ["row", "ward", "n"] in table
    assert ["3", "C", str(SMALL)] in table
    said = typed(
        world,
        "output",
        "release",
        short,
        "--without-row",
        "3",
        "--reason",
        "Ward C stays.",
        "--by",
        "anna",
    )
    assert said.stderr == "cleveland released in part 'wards'.\n"
    record = world.travel(offer)
    assert [(o.name, o.verdict) for o in record.outputs] == [
        ("counts", "released"),
        ("wards", "suppressed"),
    ]
    assert typed(world, "output", "list").stderr == "No output waits for a person at cleveland.\n"


def test_withheld(world: World) -> None:
    offer, stop = held(world)
    said = typed(world, "output", "withhold", stop.hex[:12], "wards", "--reason", "One family.")
    assert said.stderr == "cleveland withheld 'wards'.\n"
    assert world.travel(offer).outputs[1].verdict == "refused"


def test_what_waits_is_told_as_json(world: World) -> None:
    _, stop = held(world)
    told = json.loads(typed(world, "output", "list", "--json").stdout)
    (one,) = told["held"]
    assert one["journey"] == stop.journey
    assert one["outputs"] == [{"name": "wards", "kind": "table", "rule": "small-count"}]
    view = json.loads(typed(world, "output", "show", stop.hex[:12], "--json").stdout)
    assert view["rows"] == [["A", 40], ["B", 41], ["C", SMALL]]
    assert view["findings"][0]["rule"] == "small-count"


def test_show_says_which_word_a_held_stop_waits_for(world: World) -> None:
    _, stop = held(world)
    shown = typed(world, "show", stop.hex[:12])
    assert f"phtlab station output show {stop.hex[:12]}" in shown.stderr
    assert "approve" not in shown.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("output", "release", "J", "other", "--reason", "x"), "not-held"),
        (("output", "release", "J", "--without-cell", "n:3", "--reason", "x"), "release-cell"),
        (("output", "release", "J", "--without-row", "9", "--reason", "x"), "release-part"),
        (
            ("output", "release", "J", "--reason", "x", "--by", "anna"),
            "output-unseen",
        ),
        (("release-log", "J", "--reason", "x", "--by", "anna"), "log-unseen"),
        (("output", "withhold", "J", "--reason", ""), "release-reason"),
    ],
)
def test_a_slip_is_told_and_decides_nothing(
    world: World, words: tuple[str, ...], code: str
) -> None:
    _, stop = held(world)
    with raises_code(StationError, code):
        typed(world, *(stop.hex[:12] if word == "J" else word for word in words))
    assert not list(stop.path.glob("word-*"))


def test_the_log_is_shown_and_then_let_go(world: World) -> None:
    _, stop = held(world)
    shown = typed(world, "log", stop.hex[:12], "--by", "anna")
    assert "Outcome: the run came to its end\nPrinted:\nprinted by the run\n" in shown.stdout
    assert f"phtlab station release-log {stop.hex[:12]}" in shown.stderr
    said = typed(world, "release-log", stop.hex[:12], "--reason", "It is clean.", "--by", "anna")
    assert "cleveland released the log" in said.stderr
    assert (world.folder.path / "logs-to-send" / stop.hex).exists()
