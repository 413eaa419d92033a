"""Rounds that an aggregator combines, on the real parts, while no notebook is open."""

from __future__ import annotations

from pathlib import Path

import docker
import numpy as np
import pytest

from phtlab.demo.world import AGGREGATOR, World
from phtlab.lab import Journey, Lab
from tests.e2e.parts import PATIENCE, bring_back, kill, service, until
from tests.e2e.test_rounds_journey import STATIONS, at_round, containers_of, pooled, regression

pytestmark = pytest.mark.engine


def require_combined(journey: Journey) -> None:
    assert {stop.station: stop.state for stop in journey.refresh().stops} == dict.fromkeys(
        (*STATIONS, AGGREGATOR), "departed"
    )
    results = journey.results()
    assert results.stations == STATIONS
    np.testing.assert_allclose(np.asarray(results.combined["beta"]), pooled(), rtol=0, atol=1e-8)


def test_an_aggregator_combines_a_regression_while_nobody_waits(
    small_lab: Lab, tmp_path: Path
) -> None:
    train = small_lab.train(regression(tmp_path / "regression.ipynb"))
    journey = small_lab.dispatch(train, stations=STATIONS, rounds=20, aggregator=AGGREGATOR)
    until(lambda: journey.refresh().done)
    require_combined(journey)
    assert journey.reports["step"].iloc[-1] < 1e-10
    assert list(journey.reports["heard"].unique()) == [2]


def test_an_aggregator_ends_the_rounds_when_it_is_asked_to(small_lab: Lab, tmp_path: Path) -> None:
    train = small_lab.train(regression(tmp_path / "slow.ipynb", pause=1.0))
    journey = small_lab.dispatch(train, stations=STATIONS, rounds=20, aggregator=AGGREGATOR)
    until(lambda: at_round(journey, 3))
    journey.finish()
    journey.wait(PATIENCE, on_change=lambda view: None)
    results = journey.results()
    assert results.of_rounds is not None
    assert 3 <= results.of_rounds.count < 20
    assert "beta" in results.combined


def test_an_aggregator_killed_in_a_round_changes_nothing(
    small: World, small_lab: Lab, tmp_path: Path, engine: docker.DockerClient
) -> None:
    """Its daemon, its container, central and a station."""
    train = small_lab.train(regression(tmp_path / "slow.ipynb", pause=1.0))
    undisturbed = small_lab.dispatch(train, stations=STATIONS, rounds=20, aggregator=AGGREGATOR)
    undisturbed.wait(PATIENCE, on_change=lambda view: None)
    journey = small_lab.dispatch(train, stations=STATIONS, rounds=20, aggregator=AGGREGATOR)
    for number, part in enumerate((AGGREGATOR, "central", "hungary"), 1):
        until(lambda number=number: at_round(journey, number))
        kill(service(small, part))
        bring_back(small, part)
    until(lambda: at_round(journey, 4))
    for container in containers_of(journey, engine):
        container.kill()
    journey.wait(PATIENCE, on_change=lambda view: None)
    require_combined(journey)
    for name, value in undisturbed.results().combined.items():
        np.testing.assert_array_equal(journey.results().combined[name], value)
