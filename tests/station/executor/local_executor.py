"""An executor without an engine, for quick tests of what stands around it.

It runs the same runtime as a plain process of this machine: it keeps the
contract's promises about states, and none about containment or limits.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from phtlab.errors import DataSetError, SandboxError
from phtlab.station.executor.contract import (
    JOB_ID,
    CheckResult,
    Executor,
    Job,
    JobStatus,
    RegistryAuth,
)
from phtlab.station.executor.sandbox import ENTRYPOINT, data_target

# Outlives whoever started it, so that a station may be killed and come back.
_SUPERVISOR = """
import json, os, subprocess, sys, time
folder, command = sys.argv[1], sys.argv[2:]
def keep(name, **value):
    with open(f"{folder}/{name}.new", "w") as file:
        json.dump(value, file)
    os.replace(f"{folder}/{name}.new", f"{folder}/{name}")
with open(f"{folder}/log", "wb") as log:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                             cwd=f"{folder}/tmp", start_new_session=True)
keep("begun.json", group=child.pid, started=time.time())
code = child.wait()
keep("ended.json", code=code if code >= 0 else 128 - code, finished=time.time())
"""


class LocalExecutor(Executor):
    """Each job is a folder below ``root`` and a process in a session of its own."""

    def __init__(self, root: Path, *, entrypoint: Sequence[str] = ENTRYPOINT) -> None:
        self._root = root
        self._entrypoint = tuple(entrypoint)
        self._supervisors: set[int] = set()  # only to reap them: no state of a job is here

    def check(self) -> tuple[CheckResult, ...]:
        return (CheckResult("container engine", True, "Runs are plain processes of this test."),)

    def start(self, job: Job, authorize: Callable[[], RegistryAuth]) -> None:
        if self.status(job.id).state != "absent":
            return
        for name, path in job.data.items():
            if not path.exists():
                raise DataSetError(
                    f"The data set {name} is not at {path}. "
                    "Put it there, or correct its path in the data set's description.",
                    code="data-set-missing",
                )
        folder = self._folder(job.id)
        shutil.rmtree(folder, ignore_errors=True)
        for part in ("out", "tmp"):
            (folder / part).mkdir(parents=True)
        _copy_inputs(job, folder / "in")
        (folder / "grace").write_text(str(job.limits.grace_seconds))
        supervisor = os.posix_spawn(
            sys.executable,
            [sys.executable, "-c", _SUPERVISOR, str(folder), *self._command(folder)],
            {
                **{name: os.environ[name] for name in ("PATH",) if name in os.environ},
                "HOME": str(folder / "tmp"),
                "PHTLAB_IN": str(folder / "in"),
                "PHTLAB_OUT": str(folder / "out"),
                "PHTLAB_JOB": str(folder / "in" / "job.json"),
                **job.environment,
            },
            setsid=True,
        )
        while not (folder / "begun.json").exists():
            if os.waitpid(supervisor, os.WNOHANG) != (0, 0):
                raise SandboxError(f"Job {job.id} did not start as a local process.")
            time.sleep(0.005)
        self._supervisors.add(supervisor)

    def status(self, job_id: str) -> JobStatus:
        for supervisor in tuple(self._supervisors):
            if os.waitpid(supervisor, os.WNOHANG) != (0, 0):
                self._supervisors.remove(supervisor)
        folder = self._folder(job_id)
        begun = _read(folder / "begun.json")
        if begun is None:
            return JobStatus("absent")
        started = datetime.fromtimestamp(begun["started"], UTC)
        ended = _read(folder / "ended.json")
        if ended is None:
            return JobStatus("running", started=started)
        finished = datetime.fromtimestamp(ended["finished"], UTC)
        return JobStatus("exited", exit_code=ended["code"], started=started, finished=finished)

    def stop(self, job_id: str) -> None:
        grace = time.monotonic() + float(_text(self._folder(job_id) / "grace") or 0)
        self._signal(job_id, signal.SIGTERM)
        while self.status(job_id).state == "running":
            if time.monotonic() > grace:
                self._signal(job_id, signal.SIGKILL)
            time.sleep(0.01)

    def outputs(self, job_id: str) -> Path:
        out = self._folder(job_id) / "out"
        if not out.is_dir():
            raise SandboxError(f"Job {job_id} has no outputs.", code="outputs-absent")
        return out

    def logs(self, job_id: str) -> bytes:
        with suppress(FileNotFoundError):
            return (self._folder(job_id) / "log").read_bytes()
        return b""

    def remove(self, job_id: str) -> None:
        self._signal(job_id, signal.SIGKILL)
        while self.status(job_id).state == "running":
            time.sleep(0.01)
        shutil.rmtree(self._folder(job_id), ignore_errors=True)

    def jobs(self) -> frozenset[str]:
        folders = self._root.iterdir() if self._root.is_dir() else ()
        return frozenset(folder.name for folder in folders)

    def _folder(self, job_id: str) -> Path:
        if not JOB_ID.fullmatch(job_id):
            raise SandboxError(f"{job_id!r} is not a job id.", code="sandbox-job")
        return self._root.resolve() / job_id

    def _command(self, folder: Path) -> list[str]:
        """The container's command, where `python3` and /phtlab/in are this machine's."""
        first, *rest = self._entrypoint
        program = sys.executable if first == "python3" else first
        return [program, *(part.replace("/phtlab/in", str(folder / "in")) for part in rest)]

    def _signal(self, job_id: str, number: signal.Signals) -> None:
        folder = self._folder(job_id)
        begun = _read(folder / "begun.json")
        if begun is not None and not (folder / "ended.json").exists():
            with suppress(ProcessLookupError):
                os.killpg(begun["group"], number)


def _copy_inputs(job: Job, target: Path) -> None:
    """The inputs, with the data sets' places in the sandbox turned into their places here."""
    shutil.copytree(job.inputs, target)
    description = _read(target / "job.json")
    if description is None:
        return
    for dataset in description.get("datasets", {}).values():
        for name, path in job.data.items():
            inside = data_target(name, path)
            if dataset["path"] == inside or dataset["path"].startswith(f"{inside}/"):
                dataset["path"] = f"{path.resolve()}{dataset['path'][len(inside) :]}"
                break
    (target / "job.json").unlink()
    (target / "job.json").write_text(json.dumps(description))


def _text(path: Path) -> str | None:
    with suppress(FileNotFoundError):
        return path.read_text()
    return None


def _read(path: Path) -> Any:
    text = _text(path)
    return None if text is None else json.loads(text)
