"""One party's clock is a day ahead or behind: who refuses it says so, and nothing is lost.

Debian's libfaketime gives one process another time; what counts the seconds of a wait is real.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from phtlab.demo.world import World
from phtlab.errors import CentralError
from phtlab.lab import Lab
from phtlab.station.stops import stop_files
from phtlab.station.stops.marker import Marker
from tests.crash.consortium import Light, light
from tests.crash.invariants import assert_soon
from tests.e2e.parts import (
    away,
    command,
    ended,
    left_behind,
    service,
    stop_of,
    until,
)
from tests.e2e.written_notebook import LOAD, PUBLISH, write_notebook
from tests.evidence import Evidence
from tests.raising import raises_code

pytestmark = pytest.mark.engine

STATION = "cleveland"
SHIFTS = {"ahead": "+86400", "behind": "-86400"}


def environment(shift: str) -> dict[str, str]:
    """What gives a process another time; `shift` may be a file that says it."""
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    given = "FAKETIME_TIMESTAMP_FILE" if shift.startswith("/") else "FAKETIME"
    return {
        "LD_PRELOAD": str(library),
        given: shift,
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }


@contextmanager
def station_with_a_clock(world: World, file: Path) -> Iterator[None]:
    """STATION with the time that `file` says; it has the real one again afterwards."""
    set_clock(file, "+0")
    with away(world, STATION):
        one = service(world, STATION)
        one = replace(one, environment={**one.environment, **environment(str(file))})
        one.start()
        try:
            yield
        finally:
            one.stop()


def set_clock(file: Path, shift: str) -> None:
    draft = file.with_suffix(".new")
    draft.write_text(shift)
    draft.replace(file)


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cell = "import time\ntime.sleep(4)\n"
    return write_notebook(tmp_path_factory.mktemp("clocks") / "slow.ipynb", LOAD, cell, PUBLISH)


def told(evidence: Evidence, whose: str, shift: str) -> None:
    evidence(
        "kills",
        kill_point=f"the clock of {whose} is set a day {shift}",
        count=1,
        outcome="refused with how far the clock is off; once it is right, ended once",
    )


@pytest.mark.long
@pytest.mark.parametrize("shift", SHIFTS)
def test_the_clock_of_a_station_is_set_while_it_runs(
    small: World,
    small_lab: Lab,
    slow: Path,
    engine: Any,
    tmp_path: Path,
    evidence: Evidence,
    shift: str,
) -> None:
    log = service(small, STATION).log
    with station_with_a_clock(small, tmp_path / "clock"):
        journey = small_lab.dispatch(slow, stations=STATION)
        stop = stop_of(small, STATION, journey.id)
        until(lambda: stop.has(Marker.STARTED))
        begun = len(log.read_text())
        set_clock(tmp_path / "clock", SHIFTS[shift])
        until(lambda: stop.has(Marker.OUTCOME))
        assert stop.read(stop_files.OUTCOME).code == "", "a clock that is set costs no run its time"
        until(lambda: f"the sender's clock is 24 hours {shift}" in log.read_text()[begun:])
        assert not stop.is_reported
        set_clock(tmp_path / "clock", "+0")
        record = ended(journey, STATION)
        until(lambda: stop.is_reported)
    assert (record.outcome, record.code) == ("departed", "")
    # A clock that jumps makes a self-test due, whose trial is there until it ends.
    until(lambda: left_behind(engine, small, STATION) == [])
    told(evidence, "a station", shift)


@pytest.fixture(scope="module")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Light]:
    with light(tmp_path_factory.mktemp("clocks")) as up:
        yield up


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("whose", ["central", STATION])
def test_the_clock_is_wrong_while_journeys_are_under_way(
    consortium: Light, evidence: Evidence, capfd: pytest.CaptureFixture[str], whose: str, shift: str
) -> None:
    journey = consortium.send()
    consortium.clocks[whose].ahead = timedelta(days=1 if shift == "ahead" else -1)
    try:
        # Seen from a central that is ahead, everybody else is behind.
        off = shift if whose != "central" else "behind" if shift == "ahead" else "ahead"
        said = f"the sender's clock is 24 hours {off}"
        if whose == "central":
            with raises_code(CentralError, "token-expired"):
                consortium.lab.central.journey(journey.id)
        heard = ""

        def heard_of() -> bool:
            nonlocal heard
            heard += capfd.readouterr().out
            return said in heard

        until(heard_of, 30)
    finally:
        consortium.clocks[whose].ahead = timedelta(0)
    journeys = [journey, consortium.send()]
    consortium.ended(*journeys)
    assert_soon(lambda: consortium.violations(*journeys))
    told(evidence, "central" if whose == "central" else "a station", shift)


@pytest.mark.parametrize("shift", SHIFTS)
def test_the_clock_of_a_researcher_is_wrong(
    small: World, slow: Path, evidence: Evidence, shift: str
) -> None:
    """A day ahead, central's word on the roster has expired; a day behind, it has not."""
    said = command(small, "dispatch", str(slow), env=environment(SHIFTS[shift]))
    assert said.returncode != 0
    if shift == "ahead":
        assert "Central's word on which roster is newest has expired" in said.stderr
        assert "check this machine's clock" in said.stderr
    else:
        assert "the sender's clock is 24 hours behind" in said.stderr
    assert command(small, "journey", "list").returncode == 0
    told(evidence, "a researcher", shift)
