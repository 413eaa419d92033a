"""A stop for outputs of four sizes, next to PHT-meDIC's library on the same sizes.

A trivial notebook publishes a model of so many random bytes at one station of the consortium. The
stop's own files tell when each of its steps was done, and the engine when the run ended: what
counts is all between the offer's arrival and the told record, without the notebook's own run. So
the arrival's checks, the image's pull and the sandbox's making are in it, reading the output, the
airlock, sealing, the signed record, and the upload to the registry. The peer's pre-run and
post-run are without pull, push and execution; its two stops are the route's, one after the other.

`python -m bench.stop 1mb 625mb` measures these sizes alone.
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
# A station that lets so much leave: output volume and airlock are settings of its policy.
_ROOM = """memory = "4 GiB"
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
# What a stop writes when a step is done, and what the step is called here.
_STEPS = {
    "verified": "checks",
    "admitted": "policy",
    "starting": "slot",
    "started": "pull, volume, start",
    "ran": "the notebook's run",
    "outcome": "noticing and judging",
    "sealed": "airlock and seal",
    "pushed": "clearing and upload",
    "record": "record",
    "told": "telling",
}


@dataclass(frozen=True)
class Took:
    """Seconds of each step, and what the daemon's memory grew by, in MiB."""

    steps: dict[str, float]
    grown: float

    @property
    def seconds(self) -> float:
        return sum(took for name, took in self.steps.items() if name != _STEPS["ran"])


def measure(world: World, size: BenchSize, only: Sequence[str] = ()) -> list[Row]:
    """Print what was found, and return its rows: output by output, ours and the peer's in turns.

    `only` names the outputs to measure; none: all of `size`.
    """
    lab = connected(world)
    python = python_of(LOCK)
    name = f"{against(LOCK)}, two stops"
    rows: list[Row] = []
    with TemporaryDirectory(prefix="phtlab-bench-") as place, _roomy(world) as give_room:
        give_room(MB)
        idle = _idle(_daemon(world), size.stop_settle)
        for _ in range(size.warmups):  # the image comes, modules are imported
            travel(world, lab, Path(place), MB, idle)
        for output in only or size.stop_runs:
            give_room(SIZES[output])
            ours: list[Took] = []
            theirs: list[dict[str, Any]] = []
            for turn in range(size.stop_runs[output]):
                ours.append(travel(world, lab, Path(place), SIZES[output], idle))
                if turn < size.stop_peer_runs[output]:
                    theirs.append(_peer(python, SIZES[output]))
            rows += _rows(output, ours, theirs, name)
    return rows


def travel(world: World, lab: Lab, place: Path, size: int, idle: int) -> Took:
    """One journey to the station, its results opened and looked at; what its stop took."""
    notebook = write(place / f"model-{size}.ipynb", [_CELL.format(size=size)])
    pid = _daemon(world)
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # proc(5): the peak is counted from here on
    began = time.time()
    journey = lab.dispatch(notebook, stations=[STATION])
    journey.wait(PATIENCE, on_change=lambda view: None)
    grown = (_memory(pid, "VmHWM") - idle) / 1024
    stop = Stops(StationFolder(world.station_folder(STATION)).stops).stop(journey.id)
    steps = _steps(stop, _run_ended(stop, began))
    results = journey.results()
    model = results[STATION].directory / "weights.safetensors"
    require(model.stat().st_size > size, f"the model came with {model.stat().st_size} bytes")
    del results  # and its folder
    return Took(steps, grown)


def _daemon(world: World) -> int:
    """The process of the station's daemon."""
    (service,) = (one for one in world.services() if one.name == STATION)
    pid = service.pid()
    assert pid is not None, "the station does not run"
    return pid


def _idle(pid: int, settle: float) -> int:
    """KiB of a daemon that has had no stop yet, once it has imported what it will need."""
    before, now = 0, _memory(pid, "VmRSS")
    while before != now:
        time.sleep(settle)
        before, now = now, _memory(pid, "VmRSS")
    return now


def _steps(stop: Stop, ran: float) -> dict[str, float]:
    def written(name: str) -> float:
        return ran if name == "ran" else (stop.path / f"{name}.json").stat().st_mtime_ns / 1e9

    before, steps = written("offer"), {}
    until = time.monotonic() + 10
    while not stop.is_reported:  # central has the record a moment earlier
        require(time.monotonic() < until, "the stop did not end")
        time.sleep(0.01)
    for name, title in _STEPS.items():
        now = written(name)
        steps[title] = now - before
        before = now
    return steps


def _run_ended(stop: Stop, began: float) -> float:
    """When the run's container ended, by the engine, which tells of the past as well."""
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
    require(len(moments) == 1, f"{stop.job_id} ended {len(moments)} times, says the engine")
    return float(moments[0])


@contextmanager
def _roomy(world: World) -> Iterator[Any]:
    """A function that gives the station room for outputs of a size; its policy comes back."""
    policy = StationFolder(world.station_folder(STATION)).policy
    before = policy.read_text()

    def give_room(size: int) -> None:
        room = _ROOM.format(room=max(size + size // 50, 64 * MB), numbers=2 * size)
        policy.write_text(ASKING_POLICY.replace('memory = "1 GiB"\n', "") + room)

    try:
        yield give_room
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
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _rows(name: str, ours: list[Took], theirs: list[dict[str, Any]], peer: str) -> list[Row]:
    seconds = [one.seconds for one in ours]
    both = [sum(one["seconds"].values()) for one in theirs]
    print(f"A stop with an output of {SIZES[name]:,} bytes:")
    print(line("ours", seconds))
    print(line(peer, both))
    parts("  ours", {step: median([one.steps[step] for one in ours]) for step in ours[0].steps})
    steps = theirs[0]["seconds"]
    parts("  the peer", {step: median([one["seconds"][step] for one in theirs]) for step in steps})
    largest = max(_STEPS.values(), key=lambda s: _median_of(ours, s))
    note = (
        f"{spread(seconds)}. One of the peer's two stops: {median(both) / 2:.3g} s. Of ours, "
        f"{largest} takes {_median_of(ours, largest):.2g} s."
    )
    grown = max(one.grown for one in ours)
    theirs_grown = max(one["grown_kib"] for one in theirs) / 1024
    return [
        row(f"stop_{name}", median(seconds), note, peer=peer, peer_value=median(both)),
        row(
            f"stop_{name}_rss",
            grown,
            "The most of all runs: VmHWM of the daemon above its VmRSS before its first stop.",
            peer=peer,
            peer_value=theirs_grown,
        ),
    ]


def _median_of(ours: list[Took], step: str) -> float:
    return 0.0 if step == _STEPS["ran"] else median([one.steps[step] for one in ours])


def _memory(pid: int | None, name: str) -> int:
    """KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split(f"{name}:")[1].split()[0])


if __name__ == "__main__":
    with consortium() as world:
        keep(measure(world, FULL, sys.argv[1:]))
