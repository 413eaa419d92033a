"""Random kills under load: whoever dies, whenever, what all parties have recorded holds."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest

from phtlab.demo.world import World
from phtlab.lab import Lab
from tests.crash.invariants import Witness, assert_soon, violations
from tests.crash.load import SANDBOX, Killer, Stream
from tests.e2e.written_notebook import LOAD, PUBLISH, write_notebook
from tests.evidence import Evidence

pytestmark = pytest.mark.engine

SEED = "PHTLAB_TEST_SEED"
"""Sets the seed that a failure has named, to see it again."""


@pytest.fixture(scope="module")
def seed() -> int:
    return int(os.environ.get(SEED) or random.SystemRandom().randrange(2**32))


@pytest.mark.parametrize(
    ("kills", "longest"),
    [
        pytest.param(8, 2.0, id="short"),
        pytest.param(200, 2.5, id="long", marks=pytest.mark.long),
    ],
)
def test_killed_at_random_moments_under_load_nothing_is_lost_or_done_twice(
    small: World,
    small_lab: Lab,
    engine: Any,
    seed: int,
    tmp_path: Path,
    evidence: Evidence,
    kills: int,
    longest: float,
) -> None:
    print(f"again: {SEED}={seed}")  # pytest shows it with a failure
    notebook = write_notebook(tmp_path / "small.ipynb", LOAD, PUBLISH)
    stream = Stream(small_lab, small_lab.train(notebook), tuple(small.stations))
    parts = ("central", "registry", *small.stations, *SANDBOX)
    killer = Killer(small, engine, seed, parts)
    with Witness(engine) as witness:
        with stream.flowing():
            killer.strike(kills, longest)
        # What a station removes last, it removes after central has its word.
        assert_soon(lambda: violations(small, small_lab, engine, witness.starts, stream.sent))
    assert killer.killed.total() == kills
    evidence(
        "kills",
        kill_point="station, central, registry, and of runs the kernel, the runtime and the "
        "engine's shim, at random moments under load",
        count=kills,
        outcome="each journey ended once, nothing left behind",
    )
