"""A trivial notebook: its build, a stop compared with papermill, and journeys to four stations.

`journey4_cold` is the first journey after a restart of every service of the consortium: no station
has executed a stop since, the registry does not have the train, and the engine does not have its
image. Each station has made the trial of its sandbox as it started, and takes offers. The engine
has the kernel image's layers, which a station fetches ahead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from papermill.execute import execute_notebook

from bench.consortium import consortium
from bench.figures import Row, keep, line, median, parts, require, row, spread
from bench.notebooks import TRIVIAL, write
from bench.size import FULL, BenchSize
from phtlab.demo.world import World
from phtlab.files.key_file import read_key
from phtlab.lab import Lab
from phtlab.lab.client.lab import lab_of
from phtlab.lab.client.train import Train

PATIENCE = 300.0
_FACTS = (
    "Flower 1.41 and NVFLARE 2.9 were not run in this bench; with three sites they took 11.7 and "
    "11.8 s on such a machine (mean of a trivial number)."
)


def measure(world: World, size: BenchSize) -> list[Row]:
    """Measure, print the times, and return the rows. Restarts the services of `world`."""
    with TemporaryDirectory(prefix="phtlab-bench-") as made:
        place = Path(made)
        with _lab(world) as lab:
            _journey(lab, _notebook(place, "before"), "all")  # the engine pulls the kernel image
        world.stop()
        world.start(lambda doing: None)
        with _lab(world) as lab:
            rows = _journeys(lab, place, size)
        with _lab(world) as lab:
            rows.append(_build(lab, place, size))
            rows.append(_over_papermill(lab, place, size))
    return rows


def _journeys(lab: Lab, place: Path, size: BenchSize) -> list[Row]:
    cold = _journey(lab, _notebook(place, "cold"), "all")
    notebooks = [_notebook(place, f"warm-{turn}") for turn in range(size.journey_runs)]
    warm = [_journey(lab, notebook, "all") for notebook in notebooks]
    print("A trivial notebook to all stations, dispatch to opened results:")
    parts("  cold", cold)
    parts("  warm", {name: median([seconds[name] for seconds in warm]) for name in warm[0]})
    seconds = [sum(steps.values()) for steps in warm]
    print(line("warm", seconds))
    steps = ", ".join(f"{name} {took:.2f}" for name, took in cold.items())
    return [
        row("journey4_cold", sum(cold.values()), f"One run: {steps}. {_FACTS}"),
        row("journey4_warm", median(seconds), f"{spread(seconds)}. {_FACTS}"),
    ]


def _build(lab: Lab, place: Path, size: BenchSize) -> Row:
    """Measure from the notebook's file to the composed image, with a new notebook each time."""
    kernel = lab.trusted.catalogue.named("python").name
    turns = size.warmups + size.journey_builds
    paths = [_notebook(place, f"build-{turn}") for turn in range(turns)]
    took = []
    for path in paths:
        began = time.perf_counter()
        train = Train.read(lab.session, path, kernel, dispatch=lab.dispatch)
        require(bool(train.image.digest), "no image")
        took.append(time.perf_counter() - began)
    del took[: size.warmups]
    print(line("build of a train", took))
    return row("train_build_warm", median(took), f"{_ms(took)}.")


def _over_papermill(lab: Lab, place: Path, size: BenchSize) -> Row:
    """Measure a stop, from dispatch to departed, and papermill with the same notebook, in turns.

    papermill is called in this process and imported before: as a command it would take longer.
    """
    ours: list[float] = []
    theirs: list[float] = []
    for turn in range(size.warmups + size.journey_runs):
        path = write(place / f"papermill-{turn}.ipynb", [f"{TRIVIAL[0]}  # {turn}"])
        steps = _journey(lab, path, "cleveland")
        ours.append(steps["dispatch"] + steps["stops"])
        theirs.append(_seconds(lambda path=path: _papermill(path)))  # type: ignore[misc]
    del ours[: size.warmups], theirs[: size.warmups]
    print("A trivial notebook at one station, and by papermill on the bare host:")
    print(line("a stop, from dispatch to departed", ours))
    print(line("papermill, imported before", theirs))
    extra = [stop - papermill for stop, papermill in zip(ours, theirs, strict=True)]
    note = (
        f"{spread(extra)}. From dispatch to departed {median(ours):.2f} s; papermill, imported "
        f"before, {median(theirs):.2f} s. The ratio compares these two."
    )
    return row(
        "stop_trivial_over_papermill",
        median(ours) - median(theirs),
        note,
        peer=f"papermill {version('papermill')} on the bare host",
        peer_value=median(theirs),
        ratio=median(ours) / median(theirs),
    )


def _journey(lab: Lab, notebook: Path, stations: str) -> dict[str, float]:
    """Return the seconds of the dispatch, the stops, and verifying and opening the results."""
    moments = [time.perf_counter()]
    journey = lab.dispatch(notebook, stations=stations)
    moments.append(time.perf_counter())
    journey.wait(PATIENCE, on_change=lambda view: None)
    moments.append(time.perf_counter())
    results = journey.results()
    moments.append(time.perf_counter())
    answers = [result.scalar("answer") for result in results.values() if result.outputs]
    require(len(results) == len(journey.stops), f"not all stops departed: {results}")
    require(set(answers) <= {42}, f"the stations' answers are {answers}, not 42")
    began, sent, ended, opened = moments
    return {"dispatch": sent - began, "stops": ended - sent, "results": opened - ended}


def _notebook(place: Path, name: str) -> Path:
    """Write a trivial notebook that makes a new train, which no service has stored yet."""
    cell = f"import phtlab\nphtlab.publish('answer', 6 * 7, kind='scalar', of=100)  # {name}"
    return write(place / f"{name}.ipynb", [cell])


def _papermill(path: Path) -> None:
    out = path.with_suffix(".out.ipynb")
    execute_notebook(str(path), str(out), progress_bar=False, log_output=False)


@contextmanager
def _lab(world: World) -> Iterator[Lab]:
    """Connect the researcher anew; close the connections on leaving."""
    profile = world.profile
    lab = lab_of(profile, read_key(profile.key, world.passphrase))
    try:
        yield lab
    finally:
        lab.registry.close()
        lab.central.close()


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _ms(seconds: list[float]) -> str:
    """Return the range as text: `12 to 19 ms in 19 runs`."""
    return f"{min(seconds) * 1000:.0f} to {max(seconds) * 1000:.0f} ms in {len(seconds)} runs"


if __name__ == "__main__":
    with consortium() as world:
        keep(measure(world, FULL))
