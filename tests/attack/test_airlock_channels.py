"""A researcher whose own code runs at stations that ask nobody: what it can carry out."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from phtlab.station.airlock.formats import figure
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.station.policy.policy import default_policy
from tests.airlock.cases import Published, counted
from tests.airlock.test_cases import stop
from tests.evidence import Evidence
from tests.station.station_world import COUNTS, FakeRun, make_world

RULES = AirlockRules()
ATTACKER = "hostile researcher"


def made_up(number: int, rows: int = 60) -> Published:
    """A table of nobody, with dimensions and labels of its own."""
    pairs = [(row, column) for row in range(rows) for column in range(rows)]
    return Published(
        {
            f"a{number}": ("string", [f"r{row}" for row, _ in pairs]),
            f"b{number}": ("string", [f"c{column}" for _, column in pairs]),
            "n": ("integer", [10_000 + number * rows + row for row, _ in pairs]),
        }
    )


def test_made_up_tables_do_not_make_a_station_forget(tmp_path: Path, evidence: Evidence) -> None:
    folder = tmp_path / "released"
    stop(folder, {"by_sex": counted("sex", {"female": 96, "male": 208})})
    for journey in range(4):
        flood = stop(folder, {f"t{n}": made_up(10 * journey + n) for n in range(9)})
        assert {one.verdict.verdict for one in flood.values()} == {"released"}
    one = stop(folder, {"by_sex": counted("sex", {"female": 96, "male": 207})})["by_sex"]
    assert (one.verdict.verdict, one.verdict.rule) == ("suppressed", "differencing")
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise="cannot make a station forget what has left with tables of made-up numbers",
        outcome="held against all that has left, by an index: `differencing`",
    )


@pytest.mark.parametrize(
    ("what", "outputs"),
    [
        (
            "two tables of the same dimensions",
            {
                "one": counted("sex", {"female": 96, "male": 208}),
                "two": counted("sex", {"female": 96, "male": 207}),
            },
        ),
        (
            "a table whose dimension has another name",
            {
                "one": counted("sex", {"female": 96, "male": 208}),
                "two": counted("s", {"f": 96, "m": 207}),
            },
        ),
        (
            "a table of other groups",
            {
                "one": counted("sex", {"female": 96, "male": 208}),
                "two": counted("pain", {"typical": 150, "none": 153}),
            },
        ),
        (
            "a table of other names, each with a small group",
            {
                "one": counted("sex", {"female": 96, "male": 208, "other": 3}),
                "two": counted("s", {"f": 96, "m": 207, "o": 4}),
            },
        ),
        (
            "a table and a count",
            {
                "one": counted("sex", {"female": 96, "male": 208}),
                "two": Published(kind="scalar", value=303),
            },
        ),
        (
            "counts of other names",
            {
                name: Published(kind="scalar", value=value)
                for name, value in (("old", 56), ("older", 55), ("oldest", 54))
            },
        ),
    ],
)
@pytest.mark.parametrize("when", ["in one stop", "in two stops"])
def test_one_person_more_is_not_told_by(
    what: str, outputs: dict[str, Published], when: str, tmp_path: Path, evidence: Evidence
) -> None:
    folder = tmp_path / "released"
    stops = [outputs] if when == "in one stop" else [{name: one} for name, one in outputs.items()]
    passed = {name: one for each in stops for name, one in stop(folder, each).items()}
    left = [name for name, one in passed.items() if one.verdict.verdict == "released"]
    assert len(left) <= 1, left
    assert "differencing" in {one.verdict.rule for one in passed.values()}
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise=f"cannot single out a person by {what}, {when}",
        outcome="held or taken out: `differencing`",
    )


@pytest.mark.parametrize(
    ("everybody", "rule", "rows"),
    [
        (None, "small-count", 1),
        ((175, 224), "small-count", 1),
        ((200, 200), "complementary", 2),
        ((197, 203), "complementary", 2),
        ((206, 206), "small-count", 1),  # rows without a sex are in no table
    ],
)
def test_a_withheld_count_does_not_follow_from_the_published_number_of_rows(
    everybody: tuple[int, int] | None, rule: str, rows: int, tmp_path: Path, evidence: Evidence
) -> None:
    table = {"by_sex": counted("sex", {"male": 194, "female": 6})}
    passed = stop(tmp_path / "released", table, everybody)["by_sex"]
    assert (passed.findings[-1].rule, passed.verdict.suppressed_rows) == (rule, rows)
    if everybody == (200, 200):
        evidence(
            "attacks",
            attacker=ATTACKER,
            promise="cannot compute a cell that was taken out from the number of rows that a "
            "station publishes",
            outcome="it is a known total: a second row stays; published numbers are rounded",
        )


def test_a_scalar_is_not_let_go_because_the_check_would_be_too_large(
    tmp_path: Path, evidence: Evidence
) -> None:
    """More than 4,000 cells, one of them withheld, and a scalar that is the sum of all."""
    labels = [f"l{number}" for number in range(4100)]
    counts = [4, *[20] * (len(labels) - 1)]
    table = Published(
        {
            "town": ("integer", list(range(len(labels)))),
            "n": ("integer", counts),
        },
        by=("town",),
    )
    scalar = Published(kind="scalar", value=sum(counts))
    passed = stop(tmp_path / "released", {"by_town": table, "everybody": scalar})
    assert {one.verdict.verdict for one in passed.values()} == {"held"}
    assert {one.verdict.rule for one in passed.values()} == {"unchecked"}
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise="cannot compute a cell that was taken out from a count beside a table too large "
        "to be checked",
        outcome="table and count are held: `unchecked`",
    )


def test_pixels_carry_only_what_is_seen_of_them(evidence: Evidence) -> None:
    data = np.random.default_rng(1).integers(0, 256, (1000, 1000, 4), dtype=np.uint8)
    data[..., 3] = 0
    target = io.BytesIO()
    Image.fromarray(data).save(target, "PNG")
    drawn = figure.redraw(target.getvalue(), RULES.max_pixels, RULES.max_colors)
    assert len(drawn) < 5_000
    with Image.open(io.BytesIO(drawn)) as picture:
        assert np.asarray(picture.convert("RGBA")).min() == 255
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise="cannot hide data in the colour of transparent pixels",
        outcome="drawn on white paper: nothing of it is left",
    )


def test_a_large_model_does_not_leave_in_parts(tmp_path: Path, evidence: Evidence) -> None:
    parts = {f"part{n}": Published(kind="model", value=9_999, of=20_000) for n in range(20)}
    passed = stop(tmp_path / "released", parts)
    assert {(one.verdict.verdict, one.verdict.rule) for one in passed.values()} == {
        ("held", "membership")
    }
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise="cannot carry out a large model in many small ones",
        outcome="their numbers are counted together, and all are held: `membership`",
    )


def test_many_tables_are_counted_together(tmp_path: Path, evidence: Evidence) -> None:
    passed = stop(tmp_path / "released", {f"t{n}": made_up(n) for n in range(12)})
    held = [one for one in passed.values() if one.verdict.verdict == "held"]
    assert {one.verdict.rule for one in held} == {"amount"}
    left = sum(len(one.cells.cells) for one in passed.values() if one.cells and one not in held)
    assert 0 < 3 * left <= RULES.max_numbers < 3 * 12 * 60 * 60
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise="cannot carry out more in many outputs than in one",
        outcome="what is beyond `max_numbers` of a stop is held: `amount`",
    )


@pytest.mark.parametrize(("policy", "told"), [("none", False), ("cells", True)])
def test_the_timing_of_cells_is_told_only_where_the_policy_lets_it(
    policy: str, told: bool, tmp_path: Path, evidence: Evidence
) -> None:
    """The run says when it goes on to the next of three cells, at moments that it chooses."""
    world = make_world(tmp_path)
    world.add_hearts()
    world.folder.policy.write_text(f'progress = "{policy}"\n{default_policy("auto")}')
    world.scripted.script = FakeRun(lasts=True)
    offer = world.offer(world.train("import phtlab\n# %%\n" + COUNTS))
    daemon = world.begun(offer, steps=6)
    (job,) = world.scripted.started
    for done in range(3):
        said = json.dumps({"done": done, "cells": 3})
        (world.scripted.root / job.id / "progress.json").write_text(said)
        daemon.step()
        daemon.teller.flush()
        world.ahead += timedelta(seconds=60)
    running = {one.cell for one in world.central.updates if one.state == "running"}
    assert (running != {None}) is told, running
    if policy == "none":
        evidence(
            "attacks",
            attacker=ATTACKER,
            promise="cannot tell by the moments at which cells end what the data are",
            outcome="that a run goes on is told, and nothing else until it has ended",
        )
