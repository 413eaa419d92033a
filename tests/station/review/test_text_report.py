"""The same reading in a terminal, and as JSON: `phtlab station review`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from phtlab.cli.main import app
from phtlab.governance.proposal import RequestedData
from phtlab.station.policy.policy import default_policy
from phtlab.station.stops.stop import Stop
from tests.station.approvals.test_approvals import proposed
from tests.station.review.approved_train import said_yes
from tests.station.review.test_train_review import held, reading
from tests.station.station_world import COUNTS, World, make_world


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = make_world(tmp_path)
    world.add_hearts()
    world.folder.policy.write_text(default_policy("human"))
    monkeypatch.setenv("PHTLAB_STATION", str(world.folder.path))
    return world


def review(stop: Stop, *more: str) -> str:
    done = CliRunner().invoke(app, ["station", "review", stop.hex[:12], *more])
    assert done.exit_code == 0, done.output
    return done.output


def test_what_changed_is_told_or_the_whole_notebook(world: World) -> None:
    said_yes(world, held(world))
    stop = held(world, COUNTS.replace("age >= min_age", "age > min_age"))
    told = review(stop)
    assert "1 cell changed since the version approved on 2026-11-01 by eve" in told
    assert "    3  - old = heart[heart.age >= min_age]" in told
    assert "    3  + old = heart[heart.age > min_age]" in told
    assert "min_age: Annotated" not in told
    assert "min_age: Annotated" in review(stop, "--whole")
    for line in ("risk ", "data        heart: age, sex", "output      counts (table", "kernel "):
        assert line in told
    assert f"phtlab station approve {stop.hex[:12]}" in told


def test_the_json_has_all_of_it(world: World) -> None:
    stop = held(world, COUNTS + "import socket\n")
    value = json.loads(review(stop, "--json"))
    assert value["journey"] == stop.journey
    assert value["remarks"][0]["sentence"].startswith("import socket")
    assert [cell["number"] for cell in value["cells"]] == [1, 2]
    assert value["approved_before"] is None


def test_code_that_goes_beyond_its_proposal_is_told(world: World) -> None:
    signed, _ = proposed(world, datasets=(RequestedData(name="heart", columns=("age",)),))
    stop = held(world, order={"proposal": signed.digest, "stations": ("cleveland",)})
    read = reading(world, stop)
    assert read.under is not None
    assert list(read.under.beyond(read.examination.data)) == [
        "The proposal does not ask for sex of 'heart'."
    ]
    told = review(stop)
    assert "for the study 'Hearts by age'" in told
    assert "The proposal does not ask for sex of 'heart'." in told


def test_a_proposal_that_is_not_here_is_told(world: World) -> None:
    missing = "sha256:" + "b" * 64
    stop = held(world, order={"proposal": missing})
    assert f"a proposal that is not here: {missing}" in review(stop)
