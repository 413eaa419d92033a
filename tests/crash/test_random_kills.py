"""Random kills under load: whoever dies, whenever, what all parties have recorded holds."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phtlab.demo.pooled import patients
from phtlab.demo.showcase import DATA
from phtlab.demo.world import AGGREGATOR, POLICY, World
from phtlab.lab import Journey, Lab
from phtlab.share import share
from phtlab.station.settings.folder import StationFolder
from tests.crash.invariants import Witness, assert_soon, violations
from tests.crash.load import DRIVER, SANDBOX, Killer, Stream
from tests.crash.round_streams import MOST, AggregatedRounds, DrivenRounds
from tests.e2e.parts import PATIENCE
from tests.e2e.test_rounds_journey import STATIONS, regression
from tests.e2e.written_notebook import LOAD, PUBLISH, SUMS, write_notebook
from tests.evidence import Evidence

pytestmark = pytest.mark.engine

SEED = "PHTLAB_TEST_SEED"
"""Sets the seed that a failure has named, to see it again."""


@pytest.fixture(scope="module")
def seed() -> int:
    return int(os.environ.get(SEED) or random.SystemRandom().randrange(2**32))


KILLS = pytest.mark.parametrize(
    ("kills", "longest"),
    [
        pytest.param(8, 2.0, id="short"),
        pytest.param(200, 2.5, id="long", marks=pytest.mark.long),
    ],
)


def strike(
    killer: Killer,
    stream: Stream,
    kills: int,
    longest: float,
    afterwards: Callable[[], None] = lambda: None,
) -> None:
    """Kill while the journeys of `stream` flow; `afterwards`, all parties' records hold."""
    world, engine = killer.world, killer.engine
    with Witness(engine) as witness:
        with stream.flowing():
            killer.strike(kills, longest)
        afterwards()
        # What a station removes last, it removes after central has its word.
        assert_soon(lambda: violations(world, stream.lab, engine, witness.starts, stream.sent))
    assert killer.killed.total() == kills


@KILLS
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
    stream = Stream(small_lab, small_lab.train(notebook), STATIONS)
    parts = ("central", "registry", *STATIONS, *SANDBOX)
    killer = Killer(small, engine, seed, parts)
    strike(killer, stream, kills, longest)
    evidence(
        "kills",
        kill_point="station, central, registry, and of runs the kernel, the runtime and the "
        "engine's shim, at random moments under load",
        count=kills,
        outcome="each journey ended once, nothing left behind",
    )


@pytest.fixture
def many_values(small: World) -> Iterator[None]:
    """Stations whose monthly budget of values is none that the test's journeys reach."""
    policies = [StationFolder(small.station_folder(name)).policy for name in STATIONS]
    for policy in policies:
        policy.write_text(POLICY.replace("values = 100", "values = 100000"))
    yield
    for policy in policies:
        policy.write_text(POLICY)


@KILLS
def test_killed_at_random_moments_a_sequential_route_ends_with_the_same_numbers(
    small: World,
    small_lab: Lab,
    engine: Any,
    seed: int,
    tmp_path: Path,
    evidence: Evidence,
    many_values: None,
    kills: int,
    longest: float,
) -> None:
    """Journeys whose run was killed are resumed: each whole route has what no kill changed."""
    print(f"again: {SEED}={seed}")
    notebook = write_notebook(tmp_path / "sums.ipynb", LOAD, SUMS)
    stream = Stream(small_lab, small_lab.train(notebook), STATIONS)
    killer = Killer(small, engine, seed, ("central", "registry", *STATIONS, *SANDBOX))
    ended: list[Journey] = []

    def resume() -> None:
        ended.extend(resumed(small_lab, journey, stream.sent) for journey in tuple(stream.sent))

    strike(killer, stream, kills, longest, afterwards=resume)
    rows = patients(share(DATA))
    rows = rows[rows.station.isin(STATIONS)]
    whole = [journey for journey in ended if journey.stops[-1].state == "departed"]
    assert whole
    for journey in whole:
        sums = journey.results()[STATIONS[-1]].model("sums")
        np.testing.assert_array_equal(sums["age"], [rows.age.sum()])
        np.testing.assert_array_equal(sums["people"], [len(rows)])
    evidence(
        "kills",
        kill_point="the same, on a sequential route whose ended journeys are resumed",
        count=kills,
        outcome="each whole route counts every patient once, nothing left behind",
    )


def resumed(lab: Lab, journey: str, sent: list[str]) -> Journey:
    """The journey, or the one that continues it to the end of its route, if a stop departed."""
    last = Journey(lab.session, lab.central.journey(journey))
    while any(stop.state == "departed" for stop in last.stops) and not all(
        stop.state == "departed" for stop in last.stops
    ):
        last = lab.resume(last).wait(PATIENCE)
        sent.append(last.id)
    return last


@KILLS
def test_killed_at_random_moments_rounds_end_with_the_same_coefficients(
    small: World,
    small_lab: Lab,
    engine: Any,
    seed: int,
    tmp_path: Path,
    evidence: Evidence,
    many_values: None,
    monkeypatch: pytest.MonkeyPatch,
    kills: int,
    longest: float,
) -> None:
    """Every journey converges: a lost run is started anew, a new driver goes on from central."""
    print(f"again: {SEED}={seed}")
    monkeypatch.setenv("PHTLAB_CONFIG", small.environment["PHTLAB_CONFIG"])
    train = small_lab.train(regression(tmp_path / "regression.ipynb", pause=0.2))
    undisturbed = small_lab.dispatch(train, stations=STATIONS, rounds=MOST).wait(PATIENCE)
    stream = DrivenRounds(small_lab, train, STATIONS, in_flight=2, world=small, folder=tmp_path)
    parts = ("central", "registry", DRIVER, *STATIONS, *SANDBOX)
    killer = Killer(small, engine, seed, parts, stream.running)
    strike(killer, stream, kills, longest)
    assert stream.said == []
    require_same_rounds(small_lab, stream, undisturbed)
    evidence(
        "kills",
        kill_point="the same, and the researcher's process, in journeys of rounds",
        count=kills,
        outcome="each station computed each round once, the coefficients are those without kills",
    )


@KILLS
def test_killed_at_random_moments_an_aggregator_ends_with_the_same_coefficients(
    small: World,
    small_lab: Lab,
    engine: Any,
    seed: int,
    tmp_path: Path,
    evidence: Evidence,
    many_values: None,
    kills: int,
    longest: float,
) -> None:
    print(f"again: {SEED}={seed}")
    train = small_lab.train(regression(tmp_path / "regression.ipynb", pause=0.2))
    undisturbed = small_lab.dispatch(
        train, stations=STATIONS, rounds=MOST, aggregator=AGGREGATOR
    ).wait(PATIENCE)
    stream = AggregatedRounds(small_lab, train, STATIONS, in_flight=2, aggregator=AGGREGATOR)
    parts = ("central", "registry", AGGREGATOR, *STATIONS, *SANDBOX)
    killer = Killer(small, engine, seed, parts)
    strike(killer, stream, kills, longest)
    require_same_rounds(small_lab, stream, undisturbed)
    evidence(
        "kills",
        kill_point="the same, and the aggregator, in journeys of rounds that it combines",
        count=kills,
        outcome="each station computed each round once, the coefficients are those without kills",
    )


def require_same_rounds(lab: Lab, stream: Stream, undisturbed: Journey) -> None:
    """Every stop departed, each round is there once, and the values are the undisturbed ones."""
    expected = undisturbed.results().combined
    assert expected.keys() == {"beta"}
    assert stream.sent
    for journey in [Journey(lab.session, lab.central.journey(sent)) for sent in stream.sent]:
        assert {stop.state for stop in journey.stops} == {"departed"}, journey.stops
        results = journey.results()
        assert results.of_rounds is not None
        assert results.of_rounds.rounds == dict.fromkeys(
            STATIONS, tuple(range(1, results.of_rounds.count + 1))
        )
        assert results.combined.keys() == expected.keys()
        np.testing.assert_array_equal(results.combined["beta"], expected["beta"])
