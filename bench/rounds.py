"""Rounds of three stations, compared with Flower's deployment engine and NVFLARE's POC mode.

All three fit the same logistic regression to the same arrays, one step a round. A combine cell
notes when it ran; so does the code of each peer that combines. The time of a further round is that
from one such moment to the next; of the first, that from dispatch, or from the submission of the
peer's run, to the first moment.

`python -m bench.rounds trivial` measures only that; also `payloads`, `many`.
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
from unittest import mock

import numpy as np
import pandas as pd

from bench.consortium import consortium
from bench.environment import BYTECODE, against, python_of
from bench.figures import Row, keep, line, median, require, row, spread
from bench.notebooks import write_roles
from bench.process_memory import MemoryWatch
from bench.round_steps import journey_steps, station_steps, steps_text
from bench.simulated_station import arrays_of
from bench.size import FULL, BenchSize
from phtlab.demo.showcase import connected
from phtlab.demo.world import ASKING_POLICY, TWIN, World
from phtlab.lab import Lab
from phtlab.station.settings.folder import StationFolder

BENCH = Path(__file__).parent
PEERS = ("flower", "nvflare")
PARTS = ("trivial", "payloads", "many")
STATIONS = 3
PATIENCE = 900.0
PAYLOADS = {
    "1kb": 10**3,
    "10kb": 10**4,
    "100kb": 10**5,
    "1mb": 10**6,
    "10mb": 10**7,
    "100mb": 10**8,
}

_LOAD = """\
import numpy as np
import phtlab
heart = phtlab.dataset("heart")
x = np.column_stack([np.ones(len(heart)), (heart.age - 50) / 10, heart.sex == "Male"])
x = x.astype(float)
y = (heart.num > 0).to_numpy().astype(float)
"""
_STEP = """\
beta = phtlab.receive("beta", default=np.zeros(3))
p = 1 / (1 + np.exp(-x @ beta))
update = {"g": x.T @ (y - p), "h": (x.T * (p * (1 - p))) @ x}
phtlab.publish("update", update, kind="model", of=2**40, tensors=["g", "h"])
"""
_COMBINE = """\
import time
import numpy as np
import phtlab
updates = phtlab.updates("update")
beta = beta + np.linalg.solve(updates.sum("h"), updates.sum("g"))
phtlab.report(moment=time.time(), b0=beta[0], b1=beta[1], b2=beta[2])
phtlab.send(beta=beta)
"""
# A payload in both directions.
_PAYLOAD_STEP = """\
payload = phtlab.receive("payload", default=np.zeros({size}, "uint8"))
phtlab.publish(
    "update", {{"payload": payload}}, kind="model", of=2**40, tensors=["payload"]
)
"""
_PAYLOAD_COMBINE = """\
import os
import time
import numpy as np
import phtlab
updates = phtlab.updates("update")
phtlab.report(moment=time.time())
phtlab.send(payload=np.frombuffer(os.urandom({size}), "uint8"))
"""
# Policy settings of a station that releases as many and as large rounds: the limits of a month are
# not what is measured.
_POLICY = """memory = "4 GiB"
output = "2 GiB"
file = "1 GiB"

[rounds]
most = 2000

[hand_on]
received = "1 GiB"

[airlock]
max_output = "1 GiB"
max_total = "1 GiB"
max_numbers = 1000000000
beyond_rows = "pass"
values = "pass"

[airlock.models]
membership = "pass"

[month]
size = "1000 TiB"
values = 1000000000
"""


@dataclass(frozen=True)
class Run:
    """Seconds to the first round's result, when each round was combined, and the coefficients after
    each; of a peer, after the last."""

    first: float
    moments: list[float]
    betas: list[list[float]]
    journey: str = ""

    @property
    def further(self) -> list[float]:
        return [float(seconds) for seconds in np.diff(self.moments)]


def measure(world: World, size: BenchSize, only: Sequence[str] = PARTS) -> list[Row]:
    """Measure, print the times, and return the rows. Changes the policies of stations meanwhile."""
    hospitals = [station for station in world.stations if station != TWIN]
    stations = hospitals[:STATIONS]
    lab, rows = connected(world), list[Row]()
    environment = {"PHTLAB_CONFIG": str(world.researcher)}  # where the keys of journeys are kept
    with (
        TemporaryDirectory(prefix="phtlab-bench-") as made,
        mock.patch.dict(os.environ, environment),
        open_policies(world, stations),
    ):
        bench = RoundsBench(world, lab, Path(made), stations, size)
        bench.run("warm-up", 2)  # the engine pulls the image, the daemons import modules
        if "trivial" in only:
            rows += bench.trivial()
        if "payloads" in only:
            rows += bench.payloads()
        if "many" in only:
            rows.append(bench.many())
    return rows


@dataclass(frozen=True)
class RoundsBench:
    world: World
    lab: Lab
    place: Path
    stations: list[str]
    size: BenchSize

    def run(self, name: str, rounds: int, payload: int = 0) -> Run:
        """Run a new train for so many rounds; in each, `payload` bytes travel each way."""
        step, combine = _STEP, _COMBINE
        if payload:
            step, combine = (
                text.format(size=payload) for text in (_PAYLOAD_STEP, _PAYLOAD_COMBINE)
            )
        cells = [("station", _LOAD), ("round", step), ("combine", f"{combine}# {name}\n")]
        notebook = write_roles(self.place / f"{name}.ipynb", cells)
        began = time.time()
        journey = self.lab.dispatch(notebook, stations=self.stations, rounds=rounds)
        journey.wait(PATIENCE, on_change=lambda view: None)
        states = [stop.state for stop in journey.stops]
        require(set(states) == {"departed"}, f"the stops are {states}")
        reports = journey.reports
        require(len(reports) == rounds, f"{len(reports)} of {rounds} rounds were combined")
        return _run_of(journey.id, began, reports)

    def trivial(self) -> list[Row]:
        """Measure the trivial rounds of all sides, and where the time goes."""
        turns = [
            self.run(f"trivial-{turn}", self.size.rounds_further + 1)
            for turn in range(self.size.rounds_runs)
        ]
        theirs = {peer: self._peer(peer) for peer in PEERS}
        for peer, run in theirs.items():
            ours = turns[0].betas[len(run.moments) - 1]
            difference = np.abs(np.subtract(run.betas[-1], ours)).max()
            require(bool(difference < 1e-8), f"{peer}'s coefficients differ by {difference}")
        further = [seconds for run in turns for seconds in run.further]
        firsts = [run.first for run in turns]
        print(f"A round of {len(self.stations)} stations:")
        print(line("further, ours", further))
        print(line("first, ours", firsts))
        for peer, run in theirs.items():
            print(line(f"further, {peer}", run.further))
            print(f"  first, {peer}: {run.first:.2f} s")
        faster = min(theirs, key=lambda peer: median(theirs[peer].further))
        others = "; ".join(
            f"{against(BENCH / f'{peer}.lock')}: first {run.first:.2f} s, further "
            f"{median(run.further):.2f} s"
            for peer, run in theirs.items()
        )
        rows = [
            row(
                "round_trivial",
                median(further),
                f"{spread(further)}. {others}. {self._steps(turns[-1])}",
                peer=against(BENCH / f"{faster}.lock"),
                peer_value=median(theirs[faster].further),
            )
        ]
        soonest = min(theirs, key=lambda peer: theirs[peer].first)
        rows.append(
            row(
                "rounds_first",
                median(firsts),
                f"{spread(firsts)}.",
                peer=against(BENCH / f"{soonest}.lock"),
                peer_value=theirs[soonest].first,
            )
        )
        return rows

    def payloads(self) -> list[Row]:
        """Measure further rounds by payload; the largest ones are rows of their own."""
        took: dict[str, list[float]] = {}
        for name, rounds in self.size.rounds_payloads.items():
            took[name] = self.run(f"payload-{name}", rounds + 1, PAYLOADS[name]).further
            print(line(f"a round of {name}", took[name]))
        shown = ", ".join(f"{name} {median(seconds):.3g} s" for name, seconds in took.items())
        note = f"In each direction, at each of {len(self.stations)} stations. {shown}."
        return [
            row(f"round_{name}", median(took[name]), f"{spread(took[name])}. {note}")
            for name in ("1mb", "100mb")
            if name in took
        ]

    def many(self) -> Row:
        """Compare the last rounds of a long journey with its first, and the memory of all parts."""
        rounds, edge = self.size.rounds_many, max(1, self.size.rounds_many // 10)
        with MemoryWatch(self.world, self.size.rounds_settle) as memory:
            took = self.run("many", rounds + 1).further
        first, last = median(took[:edge]), median(took[-edge:])
        print(f"{rounds} rounds: the first {edge} {first:.3f} s, the last {edge} {last:.3f} s each")
        print(f"  memory: {memory.text()}")
        return row(
            f"rounds_{FULL.rounds_many}",
            last,
            f"Median of the last {edge} of {rounds} further rounds; of the first {edge} "
            f"{first:.3g} s. Growth of memory after a tenth of the time: {memory.text()}.",
            peer=f"the first {edge} rounds of the same journey",
            peer_value=first,
        )

    def _peer(self, peer: str) -> Run:
        folder = self.place / peer
        folder.mkdir()
        for number, station in enumerate(self.stations):
            rows = pd.read_csv(self.world.directory / "patients" / station / "heart.csv")
            x, y = arrays_of(rows)
            np.savez(folder / f"{number}.npz", x=x, y=y)
        python = python_of(BENCH / f"{peer}.lock")
        command = [python, BENCH / f"{peer}_peer.py", len(self.stations), self.size.rounds_peer + 1]
        done = subprocess.run(
            list(map(str, command)),
            env=os.environ | BYTECODE | {"PHTLAB_BENCH": str(folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )
        require(done.returncode == 0, f"{peer} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        began = json.loads(done.stdout.splitlines()[-1])["began"]
        report = json.loads((folder / "moments.json").read_text())
        require(report["heard"] == len(self.stations), f"{peer} heard {report['heard']} stations")
        moments = report["moments"]
        return Run(moments[0] - began, moments, [report["beta"]])

    def _steps(self, run: Run) -> str:
        """Return where the time of the rounds of `run` goes, on the way and within a station."""
        way = journey_steps(self.world, run.journey, run.moments)
        within = station_steps(self.place / "station", self.size.rounds_further)
        print(f"Where the time of a round goes: {steps_text(way)}")
        print(f"  at a station with a scripted executor: {steps_text(within)}")
        return (
            f"Where it goes (medians): {steps_text(way)}. Of a station alone, with a scripted "
            f"executor: {steps_text(within)}."
        )


def _run_of(journey: str, began: float, reports: pd.DataFrame) -> Run:
    moments = [float(moment) for moment in reports["moment"]]
    names = [name for name in ("b0", "b1", "b2") if name in reports]
    betas = reports[names].to_numpy().tolist()
    return Run(moments[0] - began, moments, betas, journey)


@contextmanager
def open_policies(world: World, stations: Sequence[str]) -> Iterator[None]:
    """Let `stations` take part in all that is measured; restore their policies on leaving."""
    policies = [StationFolder(world.station_folder(station)).policy for station in stations]
    before = [policy.read_text() for policy in policies]
    for policy in policies:
        policy.write_text(
            ASKING_POLICY.replace('memory = "1 GiB"\n', "").replace("300", "3600") + _POLICY
        )
    try:
        yield
    finally:
        for policy, text in zip(policies, before, strict=True):
            policy.write_text(text)


if __name__ == "__main__":
    with consortium() as world:
        for part in sys.argv[1:] or PARTS:
            keep(measure(world, FULL, [part]))
