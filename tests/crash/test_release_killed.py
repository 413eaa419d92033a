"""kill -9 of a real station while its airlock waits for a person, and of the engine's remains."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from phtlab.demo.world import ASKING_POLICY, POLICY, World
from phtlab.lab import Lab
from tests.crash.test_transitions import STATION, holds_after
from tests.e2e.parts import bring_back, command, kill, left_behind, service, stop_of, until
from tests.e2e.written_notebook import LOAD, PUBLISH, write_notebook
from tests.evidence import Evidence

pytestmark = pytest.mark.engine

# Whatever is counted, a person looks at it.
HOLD = """
[airlock]
minimum_count = 1000
[airlock.tables]
small_count = "hold"
complementary = "hold"
"""


@pytest.fixture
def counting(tmp_path: Path) -> Path:
    return write_notebook(tmp_path / "counting.ipynb", LOAD, PUBLISH)


@pytest.fixture(autouse=True)
def asking(small: World) -> Iterator[None]:
    policy = small.station_folder(STATION) / "policy.toml"
    policy.write_text(ASKING_POLICY + HOLD)
    try:
        yield
    finally:
        policy.write_text(POLICY)


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("outcome", marks=pytest.mark.long),
        "airlock-held",
        pytest.param("word-counts-1", marks=pytest.mark.long),
        pytest.param("release", marks=pytest.mark.long),
    ],
)
def test_station_killed_while_an_output_waits_once_there_is(
    small: World, small_lab: Lab, counting: Path, engine: Any, evidence: Evidence, moment: str
) -> None:
    begun = time.time()
    journey = small_lab.dispatch(counting, stations=STATION)
    stop = stop_of(small, STATION, journey.id)

    def killed_if(now: str) -> None:
        if moment == now:
            until(lambda: stop.path_of(moment).exists())
            kill(service(small, STATION))
            bring_back(small, STATION)

    killed_if("outcome")
    killed_if("airlock-held")
    until(lambda: stop.waits_for == "release")
    until(lambda: journey.refresh().stops[0].state == "held")
    until(lambda: left_behind(engine, small, STATION) == [])
    by = ("--by", "anna", "-C", str(small.station_folder(STATION)))
    looked = command(small, "station", "output", "show", journey.id[7:19], *by)
    assert looked.returncode == 0, looked.stderr
    why = ("--reason", "They are many.")
    said = command(small, "station", "output", "release", journey.id[7:19], *why, *by)
    assert said.returncode == 0, said.stderr
    killed_if("word-counts-1")
    killed_if("release")
    holds_after(small, small_lab, journey, engine, begun)
    (verdict,) = journey.verified()[2][STATION].outputs
    assert (verdict.verdict, verdict.rule) == ("released", "small-count")
    assert not (stop.path / "waiting").exists()
    evidence(
        "kills",
        kill_point=f"station, once there is {moment}.json of an output that waits for a person",
        count=1,
        outcome="run once, decided once, ended once, nothing left behind",
    )
