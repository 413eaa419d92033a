"""Trains that flood, hang, stay or kill what watches them: each has a stop of its own."""

from __future__ import annotations

import contextlib
import json
from datetime import timedelta
from pathlib import Path

import docker
import pytest

from phtlab.station.executor.contract import JobStatus
from phtlab.station.stops.run_verdict import judge
from phtlab.station.stops.stop import Stop
from phtlab.train.documents.record import StopRecord
from tests.evidence import Evidence
from tests.sandbox.conftest import Open
from tests.sandbox.engines import processes
from tests.sandbox.probe_table import title
from tests.station.real_world import travel
from tests.station.station_world import COUNTS, World

pytestmark = pytest.mark.engine

MIB = 1024 * 1024
# What a train can do in the run's name: call itself something that the host can find.
NAMED = """
import ctypes, os, signal, time
def name(mark):
    ctypes.CDLL(None).prctl(15, mark.encode(), 0, 0, 0)
"""


def policy(world: World, **limits: object) -> None:
    values = {"memory": "512 MiB", "output": "8 MiB", "seconds": 200, "grace": 1, **limits}
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
    world.folder.policy.write_text(f'mode = "auto"\n[limits]\n{lines}')


def named(mark: str) -> list[int]:
    """The processes of this machine that call themselves `mark`."""
    found = []
    for process in processes():
        try:
            if (process / "comm").read_text("utf-8", "replace").strip() == mark:
                found.append(int(process.name))
        except OSError:  # ended while we looked
            continue
    return found


@pytest.fixture(scope="module")
def ended_as(open_world: Open):
    """The record of a stop of a train that does `source` after what an honest one does."""

    def run(source: str, **limits: object) -> StopRecord:
        with open_world() as world:
            policy(world, **limits)
            record = travel(world, world.offer(world.train(COUNTS + source)))
            assert world.executor.jobs() == frozenset()
            return record

    return run


@pytest.mark.parametrize(
    ("number", "source", "code"),
    [
        (27, "hoard = [bytearray(8 * 2**20) for _ in range(1000)]", "out-of-memory"),
        (28, "open('/phtlab/out/x', 'wb').write(bytes(20 * 2**20))", "output-quota"),
        (0, "import os; os.kill(os.getpid(), 9)", "kernel-died"),
        (0, "1 / 0", "cell-failed"),
    ],
)
def test_a_run_that_takes_too_much_fails_with_its_code(
    ended_as, evidence: Evidence, number: int, source: str, code: str
) -> None:
    record = ended_as(source + "\n")
    assert (record.outcome, record.code) == ("failed", code)
    if number == 27:
        outcome = f"killed; the stop fails: {code}"
        evidence("probes", probe=title(number), runtime_class="runc", outcome=outcome)


# First past the kernel, to what the engine logs; then as prints, which the kernel hands on.
FLOOD = """
import os, sys
block = "x" * 9999 + "\\n"
for path in ("/proc/1/fd/1", "/proc/%d/fd/1" % os.getppid(), "/proc/self/fd/1"):
    try:
        with open(path, "wb", buffering=0) as file:
            for _ in range({times}):
                file.write(block.encode())
    except OSError:
        pass
for _ in range({times}):
    sys.stdout.write(block)
sys.stdout.flush()
"""


def flooded(open_world: Open, times: int) -> tuple[StopRecord, Stop, int]:
    """The stop of a train that prints, and the largest log that the engine kept meanwhile."""
    largest = 0
    api = docker.APIClient(version="auto")

    def look() -> None:
        nonlocal largest
        for found in api.containers(filters={"label": f"phtlab.station={station}"}):
            log = Path(api.inspect_container(found["Id"])["LogPath"])
            for part in log.parent.glob("*-json.log*"):
                with contextlib.suppress(FileNotFoundError):  # its turn to be thrown away
                    largest = max(largest, part.stat().st_size)

    try:
        with open_world() as world:
            policy(world, log=200_000, seconds=2000)
            station = f"cleveland-{world.folder.mark()}"
            source = COUNTS + FLOOD.replace("{times}", str(times))
            offer = world.offer(world.train(source))
            record = travel(world, offer, look)
            stop = world.stop(offer)
            kept = {file.name: file.stat().st_size for file in stop.operator.iterdir()}
            assert kept["log"] <= 200_000
            # Only a run that ran out of memory itself, not by its kernel, leaves no notebook.
            assert "executed.ipynb" in kept or record.code == "out-of-memory"
            assert sum(kept.values()) < 10 * MIB
            return record, stop, largest
    finally:
        api.close()


def test_a_flood_of_prints_is_cut_and_the_run_goes_on(open_world: Open, evidence: Evidence) -> None:
    record, _, largest = flooded(open_world, 1500)
    assert (record.outcome, record.code) == ("departed", "")
    assert 0 < largest < 400_000
    outcome = "60 MB printed: log capped at 0.2 MB; the run goes on"
    evidence("probes", probe=title(30), runtime_class="runc", outcome=outcome)


@pytest.mark.long
def test_gigabytes_of_prints_fill_no_log_and_end_by_the_runs_own_memory(
    open_world: Open, evidence: Evidence
) -> None:
    """What is printed waits in the kernel's memory to be taken: the run's own limit ends it."""
    record, _, largest = flooded(open_world, 70_000)
    assert (record.outcome, record.code) == ("failed", "out-of-memory")
    assert 0 < largest < 400_000
    outcome = "2,800 MB printed: log capped at 0.2 MB; the stop fails: out-of-memory"
    evidence("probes", probe=title(30), runtime_class="runc", outcome=outcome)


def test_an_endless_loop_that_hears_nothing_is_ended_with_all_its_children(
    open_world: Open, evidence: Evidence
) -> None:
    source = (
        NAMED
        + """
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
if os.fork() == 0:
    os.setsid()
    name("MARK")
    while True:
        time.sleep(0.01)
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
"""
    )
    seen: set[int] = set()
    with open_world() as world:
        policy(world, seconds=200)
        mark = f"deaf{world.folder.mark()[:8]}"

        def look() -> None:
            seen.update(named(mark))
            if seen:  # its time is up once all that is to end is there
                world.ahead = timedelta(seconds=300)

        offer = world.offer(world.train(COUNTS + source.replace("MARK", mark)))
        record = travel(world, offer, look)
        assert seen, "the child was never there"
        assert named(mark) == []
    assert (record.outcome, record.code) == ("failed", "out-of-time")
    outcome = "stopped from outside; the stop fails: out-of-time"
    evidence("probes", probe=title(32), runtime_class="runc", outcome=outcome)
    evidence("probes", probe=title(33), runtime_class="runc", outcome="gone when the stop ended")


def test_what_a_notebook_leaves_running_ends_with_it(open_world: Open, evidence: Evidence) -> None:
    source = (
        NAMED
        + """
for _ in range(30):  # zombies of this process, and of none
    if os.fork() == 0:
        if os.fork() == 0:
            os._exit(0)
        os._exit(0)
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        name("MARK")
        while True:
            time.sleep(0.01)
    os._exit(0)
time.sleep(5)  # so that it is seen
"""
    )
    seen: set[int] = set()
    with open_world() as world:
        policy(world)
        mark = f"stay{world.folder.mark()[:8]}"
        offer = world.offer(world.train(COUNTS + source.replace("MARK", mark)))
        record = travel(world, offer, lambda: seen.update(named(mark)))
        assert seen, "the child was never there"
        assert named(mark) == []
    assert (record.outcome, record.code) == ("departed", ""), record.error
    evidence("probes", probe=title(34), runtime_class="runc", outcome="all end with the run")


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("os.kill(os.getppid(), 9)", "run-record"),  # the runtime
        ("os.kill(1, 9); os.kill(1, 15); time.sleep(60)", "run-stopped"),  # pid 1, then by it
    ],
)
def test_a_run_that_kills_its_runtime_is_never_done(
    ended_as, evidence: Evidence, how: str, code: str
) -> None:
    """It has published all that was declared, and written the record of a good run itself."""
    source = """
import json, os, time
with open("/phtlab/out/run.json", "w") as file:
    json.dump({"version": 1, "outcome": "completed", "error": None, "cells": []}, file)
HOW
"""
    record = ended_as(source.replace("HOW", how))
    assert (record.outcome, record.code) == ("failed", code)
    evidence("probes", probe=title(35), runtime_class="runc", outcome=f"refused, or fails: {code}")


@pytest.mark.parametrize("exit_code", [255, 137, 1])
def test_no_exit_code_but_nought_is_a_good_end(exit_code: int) -> None:
    """An engine says 255 of a pid 1 that was traced: that is a failure, whatever was written."""
    good = json.dumps({"version": 1, "outcome": "completed"}).encode()
    status = JobStatus("exited", exit_code=exit_code)
    assert judge(good, status, out_of_time=False, lines={}).code == "run-record"
