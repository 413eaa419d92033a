"""A dry run on the twin, compared with a job of jupyter-scheduler, in turns on the same notebooks.

Each side has a Jupyter server of its own, which the bench calls over HTTP. `python -m
bench.scheduler` prints the figures and keeps them. It fails if a claim about progress or survival
does not hold; slower times are only a missed aim.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.consortium import consortium, researcher_environment
from bench.environment import against, python_of
from bench.figures import Row, keep, line, median, require, row, spread
from bench.jupyter import Events, JupyterServer, running, start
from bench.notebooks import SLOW, TRIVIAL, steps, write
from bench.size import FULL, BenchSize
from phtlab.demo.world import World
from phtlab.station.settings.settings import StationSettings

LOCK = Path(__file__).with_name("scheduler.lock")
POLL_SECONDS = 0.05  # between two polls of a job: the peer reports no changes
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
        reply = self.server.post(
            "scheduler/jobs",
            {
                "name": notebook,
                "input_uri": notebook,
                "runtime_environment_name": self._environment,
                "output_formats": ["ipynb"],
            },
        )
        return str(reply["job_id"])

    def job(self, job_id: str) -> dict[str, Any]:
        reply: dict[str, Any] = self.server.get(f"scheduler/jobs/{job_id}")
        return reply

    def states(self, job_id: str, seconds: float = PATIENCE) -> Iterator[dict[str, Any]]:
        """Poll the job and yield each state, until it has ended or `seconds` have passed."""
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            state = self.job(job_id)
            yield state
            if state["status"] in ENDED:
                return
            time.sleep(POLL_SECONDS)

    def run(self, notebook: str) -> float:
        """Return the seconds from submitting to done."""
        began = time.perf_counter()
        *_, last = self.states(self.submit(notebook))
        took = time.perf_counter() - began
        require(last["status"] == "COMPLETED", f"jupyter-scheduler's job did not complete: {last}")
        return took


class DryRuns:
    """Dry runs at `server`, whose key is unlocked first."""

    def __init__(self, server: JupyterServer, world: World) -> None:
        self.server = server
        self._passphrase = world.passphrase
        self.unlock()

    def unlock(self) -> None:
        self.server.post("phtlab/keys/unlock", {"passphrase": self._passphrase})

    def submit(self, notebook: str) -> str:
        """Check the notebook as it is shown, then dispatch it, as the button does."""
        file = self.server.get(f"api/contents/{notebook}")
        content = {"name": file["name"], "content": file["content"]}
        checked = self.server.post("phtlab/check", content)["digest"]
        order = {"path": notebook, "checked": checked, "stations": "twin"}
        return str(self.server.post("phtlab/journeys", order)["id"])

    def run(self, notebook: str, events: Events) -> tuple[float, float]:
        """Return the seconds from submitting to done, and to the results verified and opened."""
        began = time.perf_counter()
        journey = self.submit(notebook)
        done = events.done(journey) - began
        results = self.server.get(f"phtlab/journeys/{journey}/results")
        opened = time.perf_counter() - began
        states = [stop["state"] for stop in results["journey"]["stops"]]
        require(states == ["departed"], f"the dry run did not depart: {results}")
        return done, opened


@contextmanager
def both(world: World, size: BenchSize) -> Iterator[tuple[Scheduler, DryRuns]]:
    """Start a Jupyter server for each side, with the same notebooks."""
    with TemporaryDirectory(prefix="phtlab-bench-") as place:
        theirs = JupyterServer("theirs", python_of(LOCK), Path(place) / "theirs")
        ours = JupyterServer(
            "ours", Path(sys.executable), Path(place) / "ours", researcher_environment(world)
        )
        notebooks = {"trivial": TRIVIAL, "steps": steps(size.scheduler_step), "slow": SLOW}
        for server in (theirs, ours):
            for name, cells in notebooks.items():
                write(server.root / f"{name}.ipynb", cells)
        with running(theirs, ours):
            yield Scheduler(theirs), DryRuns(ours, world)


def compare_times(theirs: Scheduler, ours: DryRuns, findings: str, size: BenchSize) -> list[Row]:
    """Run the trivial notebook on both sides in turns, and return the rows."""
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
    print(line("  and its results verified and opened", opened))
    peer = against(LOCK)
    theirs_took = median(scheduler)
    note = f"{spread(done)}. {findings}"
    return [
        row("dry_run", median(done), note, peer=peer, peer_value=theirs_took),
        row("dry_run_opened", median(opened), spread(opened), peer=peer, peer_value=theirs_took),
    ]


def compare_progress(theirs: Scheduler, ours: DryRuns, size: BenchSize) -> str:
    """Compare what each side reports while a notebook of three cells runs."""
    job_id = theirs.submit("steps.ipynb")
    states = [{k: v for k, v in job.items() if k != "update_time"} for job in theirs.states(job_id)]
    changes = [state for n, state in enumerate(states) if n == 0 or state != states[n - 1]]
    reported = [state["status"] for state in changes if state["status"] not in ENDED]
    with Events(ours.server) as events:
        journey = ours.submit("steps.ipynb")
        events.done(journey)
        stops = [view["stops"][0] for view in events.journey(journey)]
    cells = list(dict.fromkeys(stop["cell"] for stop in stops if stop["cell"] is not None))
    print(f"Three cells of {size.scheduler_step:g} s each, reported before the end:")
    print(f"  jupyter-scheduler: {', '.join(reported)}")
    print(f"  a dry run: {', '.join(f'cell {cell} of 3' for cell in cells)}")
    # A cell that ends before the station's next report may not be reported.
    reportable = size.scheduler_step > REPORT_INTERVAL
    require(
        set(cells) >= {1, 2, 3} or not reportable,
        f"A dry run must report each cell; it reported {cells}.",
    )
    return f"It reported each of {len(cells)} cells while it ran, the peer none."


def compare_survival(theirs: Scheduler, ours: DryRuns, size: BenchSize) -> str:
    """Kill each Jupyter server while its notebook runs, and start it again."""
    job_id = theirs.submit("slow.ipynb")
    for state in theirs.states(job_id):
        if state["status"] == "IN_PROGRESS":
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
        while not (view := ours.server.get(f"phtlab/journeys/{journey}"))["done"]:
            require(time.perf_counter() < until, f"The dry run did not end: {view}")
            time.sleep(0.1)
    survived = [stop["state"] for stop in view["stops"]] == ["departed"]
    ours.server.get(f"phtlab/journeys/{journey}/results")
    # The job began before the dry run, which has ended; it gets some more time to end.
    *_, last = theirs.states(job_id, size.scheduler_grace)
    print("The Jupyter server is killed during the run and started again:")
    print(f"  jupyter-scheduler: the job is {last['status']}")
    print(f"  a dry run: {view['stops'][0]['state']}, and its results were opened")
    require(survived, f"A dry run must survive the server that dispatched it: {view}")
    return (
        "After the server was killed during the run and started again, the dry run departed; the "
        f"state of the peer's job was {last['status']}."
    )


def measure(world: World, size: BenchSize) -> list[Row]:
    """Measure, print the times, and return the rows.

    Raises BenchError if a claim about progress or survival does not hold.
    """
    with both(world, size) as (theirs, ours):
        findings = [compare_progress(theirs, ours, size), compare_survival(theirs, ours, size)]
        return compare_times(theirs, ours, " ".join(findings), size)


if __name__ == "__main__":
    with consortium() as world:
        keep(measure(world, FULL))
