"""A dry run on the twin next to a notebook job of jupyter-scheduler: same notebooks, same run.

Both are asked over HTTP at a Jupyter server of their own, one after the other, in turns.
`python -m bench.scheduler` prints and keeps what it found, and fails if a claim does not hold.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.consortium import consortium, desk
from bench.environment import against, python_of
from bench.figures import Row, keep, line, median, require, row, spread
from bench.jupyter import Events, JupyterServer, running, start
from bench.notebooks import SLOW, TRIVIAL, steps, write
from bench.size import FULL, BenchSize
from phtlab.demo.world import World
from phtlab.station.settings.settings import StationSettings

LOCK = Path(__file__).with_name("scheduler.lock")
LOOKS = 0.05  # seconds between two looks at a job, as nothing tells of its changes
ENDED = {"COMPLETED", "FAILED"}  # a job that has not begun is STOPPED
PATIENCE = 300.0
REPORT_INTERVAL: float = StationSettings.model_fields["progress_interval"].default


class Scheduler:
    """Jobs of jupyter-scheduler at `server`."""

    def __init__(self, server: JupyterServer) -> None:
        self.server = server
        (environment,) = server.get("scheduler/runtime_environments")[:1]
        self._environment = environment["name"]

    def submit(self, notebook: str) -> str:
        told = self.server.post(
            "scheduler/jobs",
            {
                "name": notebook,
                "input_uri": notebook,
                "runtime_environment_name": self._environment,
                "output_formats": ["ipynb"],
            },
        )
        return str(told["job_id"])

    def look(self, job: str) -> dict[str, Any]:
        told: dict[str, Any] = self.server.get(f"scheduler/jobs/{job}")
        return told

    def states(self, job: str, seconds: float = PATIENCE) -> Iterator[dict[str, Any]]:
        """The job at each look, until it has ended. Ends as well when `seconds` are over."""
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            told = self.look(job)
            yield told
            if told["status"] in ENDED:
                return
            time.sleep(LOOKS)

    def run(self, notebook: str) -> float:
        """Seconds from submitting to done."""
        began = time.perf_counter()
        *_, last = self.states(self.submit(notebook))
        took = time.perf_counter() - began
        require(last["status"] == "COMPLETED", f"jupyter-scheduler's job ended so: {last}")
        return took


class DryRuns:
    """Dry runs at `server`, which is unlocked first."""

    def __init__(self, server: JupyterServer, world: World) -> None:
        self.server = server
        self._passphrase = world.passphrase
        self.unlock()

    def unlock(self) -> None:
        self.server.post("phtlab/keys/unlock", {"passphrase": self._passphrase})

    def submit(self, notebook: str) -> str:
        """As the button does: the notebook as it is shown is checked, and then sent."""
        shown = self.server.get(f"api/contents/{notebook}")
        content = {"name": shown["name"], "content": shown["content"]}
        checked = self.server.post("phtlab/check", content)["digest"]
        order = {"path": notebook, "checked": checked, "stations": "twin"}
        return str(self.server.post("phtlab/journeys", order)["id"])

    def run(self, notebook: str, events: Events) -> tuple[float, float]:
        """Seconds from submitting to done, and to the results verified and opened."""
        began = time.perf_counter()
        journey = self.submit(notebook)
        done = events.done(journey) - began
        results = self.server.get(f"phtlab/journeys/{journey}/results")
        opened = time.perf_counter() - began
        states = [stop["state"] for stop in results["journey"]["stops"]]
        require(states == ["departed"], f"the dry run ended so: {results}")
        return done, opened


@contextmanager
def both(world: World, size: BenchSize) -> Iterator[tuple[Scheduler, DryRuns]]:
    """One Jupyter server for each, with the same notebooks."""
    with TemporaryDirectory(prefix="phtlab-bench-") as place:
        theirs = JupyterServer("theirs", python_of(LOCK), Path(place) / "theirs")
        ours = JupyterServer("ours", Path(sys.executable), Path(place) / "ours", desk(world))
        notebooks = {"trivial": TRIVIAL, "steps": steps(size.scheduler_step), "slow": SLOW}
        for server in (theirs, ours):
            for name, cells in notebooks.items():
                write(server.root / f"{name}.ipynb", cells)
        with running(theirs, ours):
            yield Scheduler(theirs), DryRuns(ours, world)


def compare_times(theirs: Scheduler, ours: DryRuns, told: str, size: BenchSize) -> list[Row]:
    """The trivial notebook, in turns."""
    scheduler: list[float] = []
    done: list[float] = []
    opened: list[float] = []
    with Events(ours.server) as events:
        for _ in range(size.warmups + size.scheduler_runs):
            scheduler.append(theirs.run("trivial.ipynb"))
            first, second = ours.run("trivial.ipynb", events)
            done.append(first)
            opened.append(second)
    for seconds in (scheduler, done, opened):
        del seconds[: size.warmups]
    print("A trivial notebook, from submitting to done:")
    print(line("jupyter-scheduler", scheduler))
    print(line("a dry run on the twin", done))
    print(line("  … its results verified and opened", opened))
    peer = against(LOCK)
    theirs_took = median(scheduler)
    note = f"{spread(done)}. {told}"
    return [
        row("dry_run", median(done), note, peer=peer, peer_value=theirs_took),
        row("dry_run_opened", median(opened), spread(opened), peer=peer, peer_value=theirs_took),
    ]


def compare_progress(theirs: Scheduler, ours: DryRuns, size: BenchSize) -> str:
    """What can be known while a notebook of three cells runs."""
    job = theirs.submit("steps.ipynb")
    told = [{k: v for k, v in look.items() if k != "update_time"} for look in theirs.states(job)]
    distinct = [one for n, one in enumerate(told) if n == 0 or one != told[n - 1]]
    between = [one["status"] for one in distinct if one["status"] not in ENDED]
    with Events(ours.server) as events:
        journey = ours.submit("steps.ipynb")
        events.done(journey)
        stops = [told["stops"][0] for told in events.journey(journey)]
    cells = list(dict.fromkeys(stop["cell"] for stop in stops if stop["cell"] is not None))
    print(f"Three cells of {size.scheduler_step:g} s each, what is told before the end:")
    print(f"  jupyter-scheduler: {', '.join(between)}")
    print(f"  a dry run: {', '.join(f'cell {cell} of 3' for cell in cells)}")
    # A cell that is over before the station's next report may well go without one.
    reportable = size.scheduler_step > REPORT_INTERVAL
    require(
        set(cells) >= {1, 2, 3} or not reportable,
        f"A dry run is to tell of each cell; it told of {cells}.",
    )
    return f"It told of each of {len(cells)} cells while it ran, the peer of none."


def compare_survival(theirs: Scheduler, ours: DryRuns, size: BenchSize) -> str:
    """The Jupyter server is killed while the notebook runs, and started again."""
    job = theirs.submit("slow.ipynb")
    for told in theirs.states(job):
        if told["status"] == "IN_PROGRESS":
            break
    with Events(ours.server) as events:
        journey = ours.submit("slow.ipynb")
        events.wait(lambda kind, data: kind == "journey" and data["stops"][0]["state"] == "running")
    for server in (theirs.server, ours.server):
        server.kill()
    start(theirs.server, ours.server)
    ours.unlock()
    with Events(ours.server) as events:
        until = time.perf_counter() + PATIENCE
        while not (told := ours.server.get(f"phtlab/journeys/{journey}"))["done"]:
            require(time.perf_counter() < until, f"The dry run did not go on: {told}")
            time.sleep(0.1)
    survived = [stop["state"] for stop in told["stops"]] == ["departed"]
    ours.server.get(f"phtlab/journeys/{journey}/results")
    # It had begun before the dry run, which has ended; it has as long again.
    *_, last = theirs.states(job, size.scheduler_grace)
    print("The Jupyter server is killed in the middle and started again:")
    print(f"  jupyter-scheduler: the job is {last['status']}")
    print(f"  a dry run: {told['stops'][0]['state']}, and its results open")
    require(survived, f"A dry run is to survive the server that sent it: {told}")
    return (
        "The server killed in the middle and started again: the dry run departed, the peer's job "
        f"stood at {last['status']}."
    )


def measure(world: World, size: BenchSize) -> list[Row]:
    """Print what was found, and return its rows. Raises BenchError if a claim does not hold."""
    with both(world, size) as (theirs, ours):
        told = [compare_progress(theirs, ours, size), compare_survival(theirs, ours, size)]
        return compare_times(theirs, ours, " ".join(told), size)


if __name__ == "__main__":
    with consortium() as world:
        keep(measure(world, FULL))
