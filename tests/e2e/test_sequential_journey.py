"""A sequential route on the real parts: a value goes from hospital to hospital, and goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from phtlab.demo.pooled import patients
from phtlab.demo.showcase import DATA
from phtlab.demo.world import World
from phtlab.errors import JourneyError
from phtlab.lab import Journey, Lab, Results
from phtlab.lab.client.train import Train
from phtlab.share import share
from phtlab.station.settings.folder import StationFolder
from tests.e2e.parts import PATIENCE, at_cell, bring_back, command, kill, service, until
from tests.e2e.written_notebook import LOAD, SUMS, write_notebook
from tests.raising import raises_code

pytestmark = pytest.mark.engine

ROUTE = ("cleveland", "hungary")
PAUSE = "import time\ntime.sleep(3)\n"


@pytest.fixture
def train(small_lab: Lab, tmp_path: Path) -> Train:
    return small_lab.train(write_notebook(tmp_path / "sums.ipynb", LOAD, PAUSE + SUMS))


@contextmanager
def refusing(world: World, station: str) -> Iterator[None]:
    policy = StationFolder(world.station_folder(station)).policy
    before = policy.read_text()
    policy.write_text(before.replace('mode = "auto"', 'mode = "refuse"'))
    yield
    policy.write_text(before)


def require_every_patient_once(results: Results) -> None:
    rows = patients(share(DATA))
    rows = rows[rows.station.isin(ROUTE)]
    sums = results[ROUTE[-1]].model("sums")
    np.testing.assert_array_equal(sums["age"], [rows.age.sum()])
    np.testing.assert_array_equal(sums["people"], [len(rows)])


def states(journey: Journey) -> list[str]:
    return [stop.state for stop in journey.stops]


def test_a_part_killed_at_each_stop_changes_nothing(small: World, small_lab: Lab, train: Train):
    journey = small_lab.dispatch(train, stations=ROUTE)
    for station, parts in zip(
        ROUTE, (["cleveland", "central"], ["hungary", "registry"]), strict=True
    ):
        until(lambda station=station: at_cell(small, station, journey.id))
        for part in parts:
            kill(service(small, part))
            bring_back(small, part)
    journey.wait(PATIENCE)
    assert states(journey) == ["departed", "departed"]
    require_every_patient_once(journey.results())


def test_a_journey_that_was_refused_goes_on_where_it_ended(
    small: World, small_lab: Lab, train: Train
):
    with refusing(small, "hungary"):
        ended = small_lab.dispatch(train, stations=ROUTE).wait(PATIENCE)
    assert states(ended) == ["departed", "refused"]
    (first,) = ended.verified()[2]["cleveland"].cargos
    assert first.kind == "next", "nobody but the next station gets what is handed on"
    assert ended.resumable
    assert ended.results(partial=True)["cleveland"].handed_on == {"sums": "hungary"}

    again = small_lab.resume(ended).wait(PATIENCE)
    assert [(stop.station, stop.state) for stop in again.stops] == [("hungary", "departed")]
    record = again.verified()[2]["hungary"]
    assert record.received == first.digest
    assert again.results().stations == ROUTE
    require_every_patient_once(again.results())
    with raises_code(JourneyError, "journey-continued"):
        small_lab.resume(ended)


def test_a_journey_is_resumed_on_the_command_line(small: World, small_lab: Lab, train: Train):
    with refusing(small, "hungary"):
        ended = small_lab.dispatch(train, stations=ROUTE).wait(PATIENCE)
    short = ended.id.removeprefix("sha256:")[:12]
    shown = command(small, "journey", "resume", short, "--wait", "--json")
    assert shown.returncode == 0, shown.stderr
    again = small_lab.journey(json.loads(shown.stdout)["id"])
    assert states(again) == ["departed"]
    require_every_patient_once(again.results())
