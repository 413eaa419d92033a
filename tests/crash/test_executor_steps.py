"""A station killed before any single step of start, stop or remove: nothing lost, nothing twice.

Every call to the engine, every program run and every change of a folder is a step. The
kill is an exception that nothing catches, before the n-th step, for each n in turn.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest

from phtlab.station.executor.contract import Job, JobStatus
from phtlab.station.executor.docker_executor import DockerExecutor
from phtlab.station.executor.output_volume import loop_devices, mounts_at
from tests.station.executor.executor_contract import SCRIPT, anyone, ended, until, write_inputs

STATION = f"crash-{secrets.token_hex(4)}"  # other sessions use this engine too

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

STEPS: tuple[tuple[Any, str], ...] = (
    (docker.APIClient, "send"),
    (subprocess, "run"),
    (os, "posix_fallocate"),
    (shutil, "rmtree"),
    (Path, "mkdir"),
    (Path, "rmdir"),
)
RUN = """
    with open(f"{OUT}/runs", "a") as file:
        file.write("run ")
"""


class Killed(BaseException):
    """No code of ours catches it: the process is gone."""


@contextmanager
def killed_before(step: int) -> Iterator[list[str]]:
    """Kill before the step of this number; yields the names of the steps done."""
    done: list[str] = []

    def counting(what: Callable[..., Any], name: str) -> Callable[..., Any]:
        def instead(*arguments: Any, **keywords: Any) -> Any:
            if len(done) == step:
                raise Killed(name)
            done.append(name)
            return what(*arguments, **keywords)

        return instead

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in STEPS:
            patch.setattr(owner, name, counting(getattr(owner, name), name))
        yield done


@pytest.fixture
def job(kernel_image: str, tmp_path: Path) -> Job:
    return Job("stop-1", kernel_image, write_inputs(tmp_path, RUN))


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Callable[[], DockerExecutor]]:
    made: list[DockerExecutor] = []

    def anew() -> DockerExecutor:
        made.append(DockerExecutor(tmp_path / "runs", station=STATION, entrypoint=SCRIPT))
        return made[-1]

    yield anew
    for job_id in anew().jobs():
        made[-1].remove(job_id)
    for executor in made:
        executor.close()


def each_step(act: Callable[[], None]) -> Iterator[int]:
    """Do `act` again and again, killed one step later each time, until it is not killed."""
    for step in range(100):
        try:
            with killed_before(step):
                act()
        except Killed:
            yield step
        else:
            assert step > 3, "the steps are not counted any more"
            return
    raise AssertionError("it never came to an end")


def nothing_is_left(executor: DockerExecutor, root: Path) -> None:
    assert executor.jobs() == frozenset()
    assert executor.status("stop-1") == JobStatus("absent")
    assert list(root.iterdir()) == []
    assert mounts_at(root / "stop-1" / "out") == 0
    until(lambda: not loop_devices(root / "stop-1" / "volume.img"), "the loop device is free")


def test_killed_anywhere_in_start_it_runs_once(
    station: Callable[[], DockerExecutor], job: Job, tmp_path: Path
) -> None:
    for _ in each_step(lambda: station().start(job, anyone)):
        later = station()
        later.start(job, anyone)
        assert ended(later, "stop-1").exit_code == 0, later.logs("stop-1")
        assert (later.outputs("stop-1") / "runs").read_text() == "run "
        later.remove("stop-1")
        nothing_is_left(later, tmp_path / "runs")


def test_killed_anywhere_in_start_it_can_be_swept(
    station: Callable[[], DockerExecutor], job: Job, tmp_path: Path
) -> None:
    """A station that comes back and no longer wants the job finds it and removes it."""
    for _ in each_step(lambda: station().start(job, anyone)):
        later = station()
        for job_id in later.jobs():
            later.remove(job_id)
        if (tmp_path / "runs").exists():
            nothing_is_left(later, tmp_path / "runs")


def test_killed_anywhere_in_remove_it_can_be_removed(
    station: Callable[[], DockerExecutor], job: Job, tmp_path: Path
) -> None:
    def run_and_remove() -> None:
        station().remove("stop-1")

    station().start(job, anyone)
    for _ in each_step(run_and_remove):
        later = station()
        assert later.jobs() == {"stop-1"}
        later.remove("stop-1")
        nothing_is_left(later, tmp_path / "runs")
        later.start(job, anyone)


def test_killed_anywhere_in_stop_it_can_be_stopped(
    station: Callable[[], DockerExecutor], kernel_image: str, tmp_path: Path
) -> None:
    script = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); note('on'); wait_for_ever()"
    job = Job("stop-1", kernel_image, write_inputs(tmp_path, script))
    station().start(job, anyone)
    until((station().outputs("stop-1") / "on").exists, "the run listens")
    for step in range(3):
        with pytest.raises(Killed), killed_before(step):
            station().stop("stop-1")
        assert station().status("stop-1").state == "running"
    station().stop("stop-1")
    assert station().status("stop-1").exit_code == 7
