"""Another policy's airlock, on what is kept of the outputs that left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from phtlab.cli.main import app
from phtlab.station.pipeline.policy_trial import PolicyTrial, try_policy
from phtlab.station.policy.policy import default_policy
from phtlab.train.documents.manifest import Output
from tests.station.station_world import (
    COUNTS,
    GOOD_COUNTS,
    FakeRun,
    World,
    make_world,
    table_files,
)

TABLE = Output(name="counts", kind="table", counts="n")
OLD = Output(name="old", kind="scalar", counts="old")
SHARE = Output(name="share", kind="scalar", of=True)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = make_world(tmp_path)
    world.add_hearts()
    return world


def raised(count: int) -> str:
    text = default_policy("auto")
    assert "minimum_count = 10" in text
    return text.replace("minimum_count = 10", f"minimum_count = {count}")


def sentences(found: PolicyTrial) -> list[str]:
    return [change.sentence for one in found.journeys for change in one.airlock.changes]


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (10, []),
        (20, []),
        (26, ["counts: 1 row stays (small-count)"]),
        (40, ["counts: 2 rows stay (small-count)"]),
    ],
)
def test_a_higher_minimum_is_tried_on_the_counts_that_left(
    world: World, count: int, said: list[str]
) -> None:
    assert world.travel().outputs[0].verdict == "released"
    found = try_policy(world.station(), raised(count))
    assert sentences(found) == said
    assert (found.outputs, found.lost) == (1, 0)
    assert len(found.changed) == bool(said)


def test_a_count_that_is_a_scalar_is_tried_too(world: World) -> None:
    source = COUNTS + 'phtlab.publish("old", len(old), kind="scalar", counts="old")\n'
    scalar = {
        "outputs/old.json": b'{"kind": "scalar"}',
        "outputs/old.scalar.json": json.dumps({"type": "integer", "value": 56}).encode(),
    }
    world.scripted.script = FakeRun(files={**GOOD_COUNTS, **scalar})
    world.travel(world.offer(world.train(source, outputs=(TABLE, OLD))))
    found = try_policy(world.station(), raised(60))
    assert (found.outputs, found.lost) == (2, 0)
    assert sentences(found)[1] == "old: is refused (small-count)"


def test_what_is_not_kept_is_counted_and_not_taken_for_unchanged(world: World) -> None:
    source = COUNTS + 'phtlab.publish("share", 0.5, kind="scalar", of=len(old))\n'
    share = {
        "outputs/share.json": b'{"kind": "scalar"}',
        "outputs/share.scalar.json": json.dumps(
            {"type": "number", "value": 0.5, "of": 56}
        ).encode(),
    }
    world.scripted.script = FakeRun(files={**GOOD_COUNTS, **share})
    offer = world.offer(world.train(source, outputs=(TABLE, SHARE)))
    world.travel(offer)
    found = try_policy(world.station(), raised(10))
    assert (found.outputs, found.lost) == (1, 1)
    (world.stop(offer).path / "noted.json").unlink()  # it left before that was written
    found = try_policy(world.station(), raised(99))
    assert (found.outputs, found.lost, sentences(found)) == (0, 2, [])


def test_rows_that_stayed_are_not_guessed(world: World) -> None:
    files = table_files(
        "counts", {"sex": ("string", ["f", "m", "x"]), "n": ("integer", [25, 31, 4])}
    )
    world.scripted.script = FakeRun(files=files)
    assert world.travel().outputs[0].verdict == "suppressed"
    assert sentences(try_policy(world.station(), raised(2))) == []
    assert sentences(try_policy(world.station(), raised(32))) == [
        "counts: 2 rows stay (small-count)"
    ]


def test_a_broken_policy_in_force_compares_nothing(world: World) -> None:
    world.travel()
    world.folder.policy.write_text("mode =")
    found = try_policy(world.station(), raised(99))
    assert (sentences(found), found.outputs) == ([], 1)


def test_the_command_says_what_the_airlock_would_have_kept(world: World, tmp_path: Path) -> None:
    world.travel()
    text = tmp_path / "new.toml"
    text.write_text(raised(26))
    told = CliRunner().invoke(
        app,
        ["station", "policy", "try", str(text), "-C", str(world.folder.path)],
        env={"COLUMNS": "200"},
    )
    assert "1 of 1 journeys that came here would have gone otherwise." in told.output
    assert "The airlock was tried on the counts of 1 outputs that left; of 0" in told.output
    assert "small-count" in told.output
