"""A stop with outputs of four sizes, compared with PHT-meDIC's library on the same sizes.

A trivial notebook publishes a model of random bytes at one station of the consortium. The times of
the stop's own files show when each step was done, and the engine reports when the run ended.
Measured is the time from the receipt of the offer until the station has reported the stop record to
central, without the notebook's own run. It includes the verification of the offer, the pull of the
image, the set-up of the sandbox, reading the output, the airlock, sealing, the signed record, and
the upload to the registry. The peer's pre-run and post-run are without pull, push and execution;
its two stops are those of a route, one after the other.

`python -m bench.stop 1mb 625mb` measures only these sizes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import docker

from bench.consortium import consortium
from bench.environment import BYTECODE, against, python_of
from bench.figures import Row, keep, line, median, parts, require, row, spread
from bench.notebooks import write
from bench.size import FULL, BenchSize
from phtlab.demo.showcase import connected
from phtlab.demo.world import ASKING_POLICY, World
from phtlab.lab import Lab
from phtlab.station.settings.folder import StationFolder
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.stop import Stop, Stops

STATION = "cleveland"
LOCK = Path(__file__).with_name("medic.lock")
PEER = Path(__file__).with_name("medic_peer.py")
MB = 10**6
SIZES = {"1mb": MB, "10mb": 10 * MB, "100mb": 100 * MB, "625mb": 625 * MB}
PATIENCE = 600.0

_CELL = """\
import os
import numpy
import phtlab
weights = numpy.frombuffer(os.urandom({size}), dtype="uint8")
model = {{"weights": weights}}
phtlab.publish("weights", model, kind="model", of=2**40, tensors=["weights"])
"""
# Policy settings of a station that releases such outputs: output volume and airlock.
_LARGE_OUTPUTS = """memory = "4 GiB"
output = {room}
file = {room}

[airlock]
max_output = {room}
max_total = {room}
max_numbers = {numbers}

[airlock.models]
membership = "pass"

[month]
size = "1 TiB"
"""
_RUN_ENDED = "run ended"
# The file that a stop writes when a step is done, and the step's title.
_STEPS = {
    Marker.VERIFIED: "checks",
    Marker.ADMITTED: "policy",
    Marker.STARTING: "slot",
    Marker.STARTED: "pull, volume, start",
    _RUN_ENDED: "the notebook's run",
    Marker.OUTCOME: "detecting the end, verdict",
    Marker.SEALED: "airlock and seal",
    Marker.PUSHED: "removal of the run, upload",
    Marker.RECORD: "record",
    Marker.REPORTED: "reporting",
}


@dataclass(frozen=True)
class Durations:
    """Seconds of each step, and the growth of the daemon's memory in MiB."""

    steps: dict[str, float]
    grown: float

    @property
    def seconds(self) -> float:
        return sum(took for name, took in self.steps.items() if name != _STEPS[_RUN_ENDED])


def measure(world: World, size: BenchSize, only: Sequence[str] = ()) -> list[Row]:
    """Measure output by output, ours and the peer in turns; print the times, return the rows.

    `only` names the outputs to measure; if it is empty, all of `size` are measured.
    """
    lab = connected(world)
    python = python_of(LOCK)
    name = f"{against(LOCK)}, two stops"
    rows: list[Row] = []
    with (
        TemporaryDirectory(prefix="phtlab-bench-") as place,
        _policy_with_room(world) as allow_size,
    ):
        allow_size(MB)
        idle = _idle(_daemon(world), size.stop_settle)
        for _ in range(size.warmups):  # the engine pulls the image, the daemon imports modules
            run_journey(world, lab, Path(place), MB, idle)
        for output in only or size.stop_runs:
            allow_size(SIZES[output])
            ours: list[Durations] = []
            theirs: list[dict[str, Any]] = []
            for turn in range(size.stop_runs[output]):
                ours.append(run_journey(world, lab, Path(place), SIZES[output], idle))
                if turn < size.stop_peer_runs[output]:
                    theirs.append(_peer(python, SIZES[output]))
            rows += _rows(output, ours, theirs, name)
    return rows


def run_journey(world: World, lab: Lab, place: Path, size: int, idle: int) -> Durations:
    """Run a journey to the station, open and check its results; return its stop's durations."""
    notebook = write(place / f"model-{size}.ipynb", [_CELL.format(size=size)])
    pid = _daemon(world)
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # proc(5): resets the peak, VmHWM
    began = time.time()
    journey = lab.dispatch(notebook, stations=[STATION])
    journey.wait(PATIENCE, on_change=lambda view: None)
    grown = (_memory(pid, "VmHWM") - idle) / 1024
    stop = Stops(StationFolder(world.station_folder(STATION)).stops).stop(journey.id)
    steps = _steps(stop, _run_ended(stop, began))
    results = journey.results()
    model = results[STATION].directory / "weights.safetensors"
    require(model.stat().st_size > size, f"the received model has {model.stat().st_size} bytes")
    del results  # removes its folder
    return Durations(steps, grown)


def _daemon(world: World) -> int:
    """Return the process id of the station's daemon."""
    (service,) = (service for service in world.services() if service.name == STATION)
    pid = service.pid()
    assert pid is not None, "the station does not run"
    return pid


def _idle(pid: int, settle: float) -> int:
    """Return the daemon's memory in KiB, once two readings `settle` seconds apart are equal."""
    before, now = 0, _memory(pid, "VmRSS")
    while before != now:
        time.sleep(settle)
        before, now = now, _memory(pid, "VmRSS")
    return now


def _steps(stop: Stop, run_end: float) -> dict[str, float]:
    def written(name: str) -> float:
        return (
            run_end if name == _RUN_ENDED else (stop.path / f"{name}.json").stat().st_mtime_ns / 1e9
        )

    before, steps = written(Marker.OFFER), {}
    until = time.monotonic() + 10
    while not stop.is_reported:  # central has the record slightly earlier
        require(time.monotonic() < until, "the stop did not end")
        time.sleep(0.01)
    for name, title in _STEPS.items():
        now = written(name)
        steps[title] = now - before
        before = now
    return steps


def _run_ended(stop: Stop, began: float) -> float:
    """Return when the run's container ended, from the engine's past events."""
    engine = docker.from_env()
    events = engine.events(
        since=int(began), until=int(time.time()) + 1, decode=True, filters={"event": "die"}
    )
    moments = [
        event["timeNano"] / 1e9
        for event in events
        if stop.job_id in json.dumps(event["Actor"]["Attributes"])
    ]
    engine.close()
    require(len(moments) == 1, f"the engine reports {len(moments)} ends of {stop.job_id}")
    return float(moments[0])


@contextmanager
def _policy_with_room(world: World) -> Iterator[Any]:
    """Yield a function that allows outputs of a size; restore the policy on leaving."""
    policy = StationFolder(world.station_folder(STATION)).policy
    before = policy.read_text()

    def allow_size(size: int) -> None:
        room = _LARGE_OUTPUTS.format(room=max(size + size // 50, 64 * MB), numbers=2 * size)
        policy.write_text(ASKING_POLICY.replace('memory = "1 GiB"\n', "") + room)

    try:
        yield allow_size
    finally:
        policy.write_text(before)


def _peer(python: Path, size: int) -> dict[str, Any]:
    done = subprocess.run(
        [str(python), str(PEER), str(size)],
        env=os.environ | BYTECODE,
        capture_output=True,
        text=True,
        errors="replace",
    )
    require(done.returncode == 0, f"the peer failed: {done.stderr[-2000:]}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _rows(name: str, ours: list[Durations], theirs: list[dict[str, Any]], peer: str) -> list[Row]:
    seconds = [durations.seconds for durations in ours]
    peer_seconds = [sum(report["seconds"].values()) for report in theirs]
    print(f"A stop with an output of {SIZES[name]:,} bytes:")
    print(line("ours", seconds))
    print(line(peer, peer_seconds))
    parts(
        "  ours",
        {step: median([durations.steps[step] for durations in ours]) for step in ours[0].steps},
    )
    steps = theirs[0]["seconds"]
    parts(
        "  the peer",
        {step: median([report["seconds"][step] for report in theirs]) for step in steps},
    )
    largest = max(_STEPS.values(), key=lambda s: _median_of(ours, s))
    note = (
        f"{spread(seconds)}. One of the peer's two stops: {median(peer_seconds) / 2:.3g} s. Of "
        f"ours, {largest} takes {_median_of(ours, largest):.2g} s."
    )
    grown = max(durations.grown for durations in ours)
    theirs_grown = max(report["grown_kib"] for report in theirs) / 1024
    return [
        row(f"stop_{name}", median(seconds), note, peer=peer, peer_value=median(peer_seconds)),
        row(
            f"stop_{name}_rss",
            grown,
            "Maximum of all runs: VmHWM of the daemon above its VmRSS before the first stop of "
            "this bench.",
            peer=peer,
            peer_value=theirs_grown,
        ),
    ]


def _median_of(ours: list[Durations], step: str) -> float:
    return (
        0.0 if step == _STEPS[_RUN_ENDED] else median([durations.steps[step] for durations in ours])
    )


def _memory(pid: int | None, name: str) -> int:
    """Return a memory field of /proc/<pid>/status in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split(f"{name}:")[1].split()[0])


if __name__ == "__main__":
    with consortium() as world:
        keep(measure(world, FULL, sys.argv[1:]))
