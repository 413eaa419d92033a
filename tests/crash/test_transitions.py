"""kill -9 of a station and of central in the middle of journeys, and journeys that are cancelled.

What a station is killed at is a file that has just appeared in its stop's folder: `stop.py`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from phtlab.demo.world import POLICY, World
from phtlab.lab import Journey, Lab
from phtlab.station.stops.marker import Marker
from tests.crash.load import SANDBOX, Killer
from tests.e2e.parts import (
    at_cell,
    away,
    bring_back,
    command,
    ended,
    job_of,
    kill,
    left_behind,
    service,
    starts,
    stop_of,
    until,
)
from tests.e2e.written_notebook import LOAD, PUBLISH, write_notebook
from tests.evidence import Evidence
from tests.limits import LIMIT

pytestmark = pytest.mark.engine

STATION = "cleveland"
CANCELLED = "The journey was cancelled before this stop ended."


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cell = "import time\ntime.sleep(1)\n"
    return write_notebook(tmp_path_factory.mktemp("crash") / "slow.ipynb", LOAD, cell, PUBLISH)


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cell = "import time\nwhile True:\n    time.sleep(0.1)\n"
    return write_notebook(tmp_path_factory.mktemp("crash") / "endless.ipynb", LOAD, cell, PUBLISH)


# What a killed kernel says and what a killed run does: the runtime survives the one.
CODES = {"kernel": "kernel-died", "runtime": "run-record", "shim": "run-record"}
WORDS = {
    "kernel": "the kernel in the sandbox",
    "runtime": "the sandbox's first process",
    "shim": "the engine's keeper of the sandbox",
}


def told(evidence: Evidence, part: str, moment: str) -> None:
    evidence(
        "kills",
        kill_point=f"{part}, once there is {moment}.json at the station",
        count=1,
        outcome="run once, ended once, nothing left behind",
    )


def holds_after(world: World, lab: Lab, journey: Journey, engine: Any, begun: float) -> None:
    """What must hold of a journey to STATION however often anything was killed."""
    record = ended(journey, STATION)
    assert (record.outcome, record.code) == ("departed", "")
    assert starts(engine, begun, journey.id) == 1, "run once"
    stop = stop_of(world, STATION, journey.id)
    until(lambda: stop.is_reported)
    (view,) = lab.central.journey(journey.id).stops
    assert view.record == stop.record(), "one record, the station's and central's"
    finals = [e for e in lab.central.events(journey.id) if e.stop.state == "departed"]
    assert len(finals) == 1
    counts = journey.results()[STATION].table("counts")
    assert counts.n.sum() == 304
    assert left_behind(engine, world, STATION) == []
    assert not stop.cargo.exists()


@pytest.mark.parametrize(
    "moment",
    [
        "offer",
        "admitted",
        "starting",
        "started",
        "outcome",
        "sealed",
        "pushed",
        "record",
    ],
)
def test_station_killed_once_there_is(
    small: World, small_lab: Lab, slow: Path, engine: Any, evidence: Evidence, moment: str
) -> None:
    begun = time.time()
    journey = small_lab.dispatch(slow, stations=STATION)
    stop = stop_of(small, STATION, journey.id)
    until(lambda: stop.has(Marker(moment)))
    kill(service(small, STATION))
    bring_back(small, STATION)
    holds_after(small, small_lab, journey, engine, begun)
    told(evidence, "station", moment)


def test_station_killed_again_and_again(
    small: World, small_lab: Lab, slow: Path, engine: Any
) -> None:
    begun = time.time()
    journey = small_lab.dispatch(slow, stations=STATION)
    stop = stop_of(small, STATION, journey.id)
    for moment in ("starting", "outcome", "record"):
        until(lambda moment=moment: stop.has(Marker(moment)))  # type: ignore[misc]
        kill(service(small, STATION))
        bring_back(small, STATION)
    holds_after(small, small_lab, journey, engine, begun)


def test_station_away_while_its_run_ends(
    small: World, small_lab: Lab, slow: Path, engine: Any
) -> None:
    """The run goes on without its station, which finds it finished."""
    begun = time.time()
    journey = small_lab.dispatch(slow, stations=STATION)
    until(lambda: stop_of(small, STATION, journey.id).has(Marker.STARTED))
    kill(service(small, STATION))
    (run,) = engine.containers.list(
        filters={"label": f"phtlab.job={job_of(journey.id)}"}, ignore_removed=True
    )
    run.wait(timeout=LIMIT)
    bring_back(small, STATION)
    holds_after(small, small_lab, journey, engine, begun)


@pytest.mark.parametrize(
    ("part", "moment"),
    [
        ("central", "offer"),
        ("central", "started"),
        ("central", "outcome"),
        ("registry", "offer"),
        ("registry", "outcome"),
        *(
            pytest.param(part, moment, marks=pytest.mark.long)
            for part in ("central", "registry")
            for moment in ("verified", "admitted", "starting", "sealed", "pushed", "record")
        ),
    ],
)
def test_a_service_killed_once_there_is(
    small: World,
    small_lab: Lab,
    slow: Path,
    engine: Any,
    evidence: Evidence,
    part: str,
    moment: str,
) -> None:
    begun = time.time()
    journey = small_lab.dispatch(slow, stations=STATION)
    until(lambda: stop_of(small, STATION, journey.id).has(Marker(moment)))
    kill(service(small, part))
    bring_back(small, part)
    holds_after(small, small_lab, journey, engine, begun)
    told(evidence, part, moment)


@pytest.mark.parametrize("part", SANDBOX)
def test_a_part_of_the_run_killed(
    small: World, small_lab: Lab, endless: Path, engine: Any, evidence: Evidence, part: str
) -> None:
    """The run is over by that, and not begun again: the researcher learns that it failed."""
    begun = time.time()
    journey = small_lab.dispatch(endless, stations=STATION)
    until(lambda: at_cell(small, STATION, journey.id) == 3)  # it stays there
    assert Killer(small, engine, 0, ()).kill_in_sandbox(part)
    record = ended(journey, STATION)
    assert (record.outcome, record.code) == ("failed", CODES[part])
    assert starts(engine, begun, journey.id) == 1, "run once"
    assert left_behind(engine, small, STATION) == []
    evidence(
        "kills",
        kill_point=f"{WORDS[part]}, while a cell runs",
        count=1,
        outcome=f"ended once as failed ({record.code}), nothing left behind",
    )


def test_both_killed_at_once(small: World, small_lab: Lab, slow: Path, engine: Any) -> None:
    begun = time.time()
    journey = small_lab.dispatch(slow, stations=STATION)
    until(lambda: stop_of(small, STATION, journey.id).has(Marker.STARTED))
    for name in ("central", STATION):
        kill(service(small, name))
    for name in (STATION, "central"):
        bring_back(small, name)
    holds_after(small, small_lab, journey, engine, begun)


def test_cancelled_before_the_station_came(
    small: World, small_lab: Lab, slow: Path, engine: Any
) -> None:
    begun = time.time()
    with away(small, STATION):
        journey = small_lab.dispatch(slow, stations=STATION)
        (stop,) = journey.cancel().stops
        assert (stop.state, stop.sentence) == (
            "offered",
            "The researcher cancelled; the station has not answered yet.",
        )
    cancelled(small, journey, engine)
    assert starts(engine, begun, journey.id) == 0


def test_cancelled_while_held(small: World, small_lab: Lab, slow: Path, engine: Any) -> None:
    begun = time.time()
    policy = small.station_folder(STATION) / "policy.toml"
    policy.write_text(POLICY.replace('mode = "auto"', 'mode = "human"'))
    try:
        journey = small_lab.dispatch(slow, stations=STATION)
        until(lambda: journey.refresh().stops[0].state == "held")
        assert journey.stops[0].sentence == f"{STATION} lets a person look at it first."
        journey.cancel()
        cancelled(small, journey, engine)
    finally:
        policy.write_text(POLICY)
    assert starts(engine, begun, journey.id) == 0
    said = command(
        small,
        *("station", "approve", journey.id[7:19], "-C", str(small.station_folder(STATION))),
    )
    assert said.returncode == 8
    assert said.stderr == (
        f"error The stop {journey.id[7:19]} waits for no decision; it is cancelled. 'phtlab "
        "station status' shows which wait.\n"
    )


def test_cancelled_while_it_runs(small: World, small_lab: Lab, endless: Path, engine: Any) -> None:
    begun = time.time()
    journey = small_lab.dispatch(endless, stations=STATION)
    until(lambda: at_cell(small, STATION, journey.id) == 3)  # it stays there
    said = command(small, "journey", "cancel", journey.id[7:19])
    assert said.returncode == 0
    cancelled(small, journey, engine)
    assert starts(engine, begun, journey.id) == 1


def test_cancelled_and_killed_while_it_runs(
    small: World, small_lab: Lab, endless: Path, engine: Any
) -> None:
    journey = small_lab.dispatch(endless, stations=STATION)
    until(lambda: stop_of(small, STATION, journey.id).has(Marker.STARTED))
    with away(small, STATION):
        journey.cancel()
    cancelled(small, journey, engine)


def test_cancelled_when_all_is_over(small: World, small_lab: Lab, slow: Path) -> None:
    journey = small_lab.dispatch(slow, stations=STATION)
    ended(journey, STATION)
    said = command(small, "journey", "cancel", journey.id[7:19])
    assert said.returncode == 7
    assert said.stderr == (
        f"error The journey {journey.id} is done at all of its stations: there is nothing to "
        "cancel.\n"
    )


def cancelled(world: World, journey: Journey, engine: Any) -> None:
    record = ended(journey, STATION)
    assert (record.outcome, record.code, record.sentence) == ("cancelled", "cancelled", CANCELLED)
    assert record.cargos == ()
    assert journey.results().failures == {STATION: record}
    assert left_behind(engine, world, STATION) == []
