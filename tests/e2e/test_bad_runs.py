"""Runs that go wrong in the real sandbox: each is told apart, and nothing of the data leaves."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from phtlab.demo.world import POLICY, World
from phtlab.errors import JourneyError
from phtlab.lab import Journey, Lab
from phtlab.station.stops.sentences import RUN, STATION
from phtlab.train.documents.record import CellError
from tests.e2e.parts import command, ended, left_behind, stop_of
from tests.e2e.written_notebook import FIRST, LOAD, PUBLISH, write_notebook

pytestmark = pytest.mark.engine

FAULT = FIRST + 1  # the number of the cell between LOAD and PUBLISH
HURRIED, NARROW = "switzerland", "va-long-beach"
LIMITS = {
    HURRIED: 'mode = "auto"\n[limits]\nseconds = 5\ngrace = 2\n',
    NARROW: 'mode = "auto"\n[limits]\nmemory = "512 MiB"\noutput = "1 MiB"\nseconds = 300\n',
}
CANARY_CELL = """\
ages = heart.age.tolist()
canary = "-".join(["CANARY", str(sum(ages))])
print(canary)
raise ValueError(f"{canary} is the sum of {ages}")
"""


@dataclass(frozen=True)
class Fault:
    """A cell that goes wrong at `station`, and what is said of it."""

    cell: str
    code: str
    sentence: str
    error: CellError | None = None
    station: str = "cleveland"
    last: str = PUBLISH


FAULTS: dict[str, Fault] = {
    "a failing cell": Fault(
        CANARY_CELL,
        "cell-failed",
        "A cell of the train failed at this station.",
        CellError(type="ValueError", cell=FAULT, line=4),
    ),
    "a column that is misspelt": Fault(
        "adults = heart[heart['agee'] > 17]",
        "cell-failed",
        "A cell of the train failed at this station.",
        CellError(type="KeyError", cell=FAULT, line=1, message="There is no key or column 'agee'."),
    ),
    "an error whose class is named after a patient": Fault(
        "raise type('Patient63', (Exception,), {})()",
        "cell-failed",
        "A cell of the train failed at this station.",
        CellError(type="Exception", cell=FAULT, line=1),
        "cleveland",
    ),
    "a kernel that exits": Fault(
        "import os\nos._exit(3)",
        "kernel-died",
        "The kernel ended by itself while a cell ran.",
        CellError(type="KernelDied", cell=FAULT),
        "hungary",
    ),
    "a kernel that kills itself": Fault(
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
        "kernel-died",
        "The kernel ended by itself while a cell ran.",
        CellError(type="KernelDied", cell=FAULT),
        "cleveland",
    ),
    "out of memory": Fault(
        "hoard = [b'x' * 2**20 for _ in range(2048)]",
        "out-of-memory",
        "The run needed more memory than this station gives.",
        CellError(type="OutOfMemory", cell=FAULT),
        NARROW,
    ),
    "out of time": Fault(
        "import time\nwhile True:\n    time.sleep(0.1)",
        "out-of-time",
        "The run took longer than this station allows and was stopped.",
        None,
        HURRIED,
    ),
    "out of time, and deaf": Fault(
        "while True:\n    try:\n        while True:\n            pass\n"
        "    except KeyboardInterrupt:\n        pass",
        "out-of-time",
        "The run took longer than this station allows and was stopped.",
        None,
        HURRIED,
    ),
    "over the output quota": Fault(
        "import numpy; x = numpy.ones(2**18)\n"
        "phtlab.publish('sums', {'x': x}, kind='model', tensors=['x'])",
        "output-quota",
        "The run wrote more than this station allows.",
        CellError(type="OSError", cell=FAULT, line=2),
        NARROW,
    ),
    "an output under a name that is computed": Fault(
        "send = getattr(phtlab, 'pub' + 'lish')\nsend('rows' + '', heart)",
        "output-error",
        "The train published something that cannot be published as declared.",
        CellError(
            type="PublishError",
            cell=FAULT,
            line=2,
            message="Output 'rows' is not declared by this train (declared: …). Publish it in a "
            "station cell with its name written out, and build the train again.",
        ),
        "hungary",
    ),
    "an output that is laid beside publish": Fault(
        "from pathlib import Path\n"
        "out = Path('/phtlab/out/outputs')\n"
        "out.mkdir(exist_ok=True)\n"
        "heart.to_json(out / 'rows.json')",
        "output-undeclared",
        "The run left an output that the train does not declare; nothing leaves.",
        None,
        "cleveland",
    ),
    "an output of another kind than declared": Fault(
        "send = getattr(phtlab, 'pub' + 'lish')\nsend('counts', 20, kind='scalar')",
        "output-error",
        "The train published something that cannot be published as declared.",
        CellError(
            type="PublishError",
            cell=FAULT,
            line=2,
            message="Output 'counts' is declared as kind=…, counts=…, and was published as "
            "kind='scalar', counts=…. Write kind and counts out in the publish call, and build "
            "the train again.",
        ),
        "hungary",
    ),
    "a declared output that does not come": Fault(
        "some = len(heart) < 0",
        "output-missing",
        "The run ended without publishing an output that the train declares.",
        None,
        "hungary",
        f"if some:\n    {PUBLISH.replace(chr(10), chr(10) + '    ')}",
    ),
}


@pytest.fixture(scope="module")
def limits(world: World) -> Iterator[None]:
    """Two hospitals with limits of their own: a station reads its policy at each use."""
    for station, policy in LIMITS.items():
        (world.station_folder(station) / "policy.toml").write_text(policy)
    yield
    for station in LIMITS:
        (world.station_folder(station) / "policy.toml").write_text(POLICY)


@pytest.fixture(scope="module")
def journeys(
    lab: Lab, limits: None, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Journey]:
    """All of them at once: the stations work while the tests read."""
    folder = tmp_path_factory.mktemp("faults")
    sent = {}
    for number, (what, fault) in enumerate(FAULTS.items()):
        notebook = write_notebook(folder / f"fault_{number}.ipynb", LOAD, fault.cell, fault.last)
        sent[what] = lab.dispatch(notebook, stations=fault.station)
    return sent


@pytest.mark.parametrize("what", FAULTS)
def test_each_fault_has_its_code_and_its_sentence(journeys: dict[str, Journey], what: str) -> None:
    fault = FAULTS[what]
    record = ended(journeys[what], fault.station)
    assert (record.outcome, record.code, record.sentence) == ("failed", fault.code, fault.sentence)
    if fault.error is not None:
        assert record.error == fault.error
    assert record.cargos == ()
    results = journeys[what].results()
    assert list(results) == []
    assert results.failures == {fault.station: record}
    with pytest.raises(JourneyError) as asked:
        results[fault.station]
    assert str(asked.value) == f"{fault.station} failed: {fault.sentence}"


def test_what_a_person_reads_of_a_failing_cell(world: World, journeys: dict[str, Journey]) -> None:
    journey = journeys["a failing cell"]
    ended(journey, "cleveland")
    beginning = journey.id[7:19]
    waited = command(world, "journey", "wait", beginning)
    assert waited.returncode == 7
    assert waited.stdout == (
        f"Journey {beginning} of fault_0\n"
        "  1. cleveland: failed: A cell of the train failed at this station. (ValueError, "
        f"cell {FAULT})\n"
    )
    opened = command(world, "journey", "results", beginning)
    assert opened.stdout == (
        "Results of 0 stations\n  cleveland: failed. A cell of the train failed at this station.\n"
    )


def test_no_value_of_a_failing_cell_leaves_the_station(
    world: World, lab: Lab, journeys: dict[str, Journey]
) -> None:
    """Its message, its print and its traceback are the operator's; nobody else has them."""
    journey = journeys["a failing cell"]
    ended(journey, "cleveland")
    with (world.directory / "patients" / "cleveland" / "heart.csv").open() as rows:
        canary = f"CANARY-{sum(int(row['age']) for row in csv.DictReader(rows))}"
    kept = stop_of(world, "cleveland", journey.id).operator
    told = json.loads((kept / "run.json").read_bytes())["error"]
    assert canary in told["message"], "the operator reads it"
    view = lab.central.journey(journey.id).model_dump_json()
    shown = command(world, "journey", "show", journey.id[7:19], "--json").stdout
    assert journey.id in view
    assert journey.id in shown
    assert canary not in view + shown
    searched = 0
    stations, patients = world.directory / "stations", world.directory / "patients"
    for path in world.directory.rglob("*"):
        if path.is_file() and not path.is_relative_to(stations) | path.is_relative_to(patients):
            assert canary.encode() not in path.read_bytes(), path
            searched += 1
    names = {path.name for path in (world.directory / "services").iterdir()}
    assert {"central.log", "registry.log", "cleveland.log"} <= names
    assert searched > 20


def test_a_data_set_that_no_one_holds(lab: Lab, tmp_path: Path) -> None:
    notebook = write_notebook(
        tmp_path / "unheld.ipynb", LOAD.replace('"heart"', '"lungs"'), PUBLISH
    )
    record = ended(lab.dispatch(notebook, stations="cleveland"), "cleveland")
    assert (record.outcome, record.code, record.sentence) == (
        "refused",
        "data-set-missing",
        "cleveland has no data set 'lungs'; it holds: heart. Ask its operator.",
    )


def test_a_data_file_that_was_removed_under_the_stations_feet(
    world: World, lab: Lab, tmp_path: Path
) -> None:
    notebook = write_notebook(tmp_path / "removed.ipynb", LOAD, PUBLISH)
    data = world.directory / "patients" / "va-long-beach" / "heart.csv"
    aside = data.with_name("aside.csv")
    data.rename(aside)
    try:
        journey = lab.dispatch(notebook, stations="va-long-beach")
        record = ended(journey, "va-long-beach")
    finally:
        aside.rename(data)
    assert (record.outcome, record.code, record.sentence) == (
        "refused",
        "data-set-missing",
        "A data set of this train is not where it should be at this station. Ask its operator.",
    )
    said = lab.central.journey(journey.id).model_dump_json() + record.model_dump_json()
    assert str(world.directory) not in said
    assert "heart.csv" not in said


def test_an_output_of_another_kind_that_is_forged_beside_publish(lab: Lab, tmp_path: Path) -> None:
    forged = """\
import json
from pathlib import Path
out = Path("/phtlab/out/outputs")
out.mkdir(exist_ok=True)
index = {"name": "counts", "kind": "file", "counts": None, "files": ["counts.bin"]}
(out / "counts.json").write_text(json.dumps(index))
(out / "counts.bin").write_bytes(heart.to_csv().encode())
some = False
"""
    last = f"if some:\n    {PUBLISH.replace(chr(10), chr(10) + '    ')}"
    notebook = write_notebook(tmp_path / "forged.ipynb", LOAD, forged, last)
    record = ended(lab.dispatch(notebook, stations="hungary"), "hungary")
    assert (record.outcome, record.code, record.sentence) == (
        "failed",
        "airlock-refused",
        "The airlock of this station let none of the outputs leave.",
    )
    (verdict,) = record.outputs
    assert (verdict.name, verdict.verdict, verdict.rule, verdict.sentence) == (
        "counts",
        "refused",
        "kind",
        "The run published something else than the declared table.",
    )


def test_the_sentences_above_are_the_stations_own() -> None:
    for fault in FAULTS.values():
        assert RUN[fault.code] == fault.sentence
    assert STATION["data-set-missing"].startswith("A data set of this train is not where")


def test_nothing_of_a_failed_run_is_left(
    world: World, journeys: dict[str, Journey], engine
) -> None:
    for what, journey in journeys.items():
        ended(journey, FAULTS[what].station)
    assert [
        rest for station in world.stations for rest in left_behind(engine, world, station)
    ] == []
