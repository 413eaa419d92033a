"""Processes that outlive a command: started once, found again, ended by id."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from phtlab.errors import UnreachableError


@dataclass(frozen=True)
class Service:
    """A named process whose pid, start time and log lie in `directory`."""

    name: str
    command: Sequence[str]
    directory: Path
    environment: Mapping[str, str]

    @property
    def log(self) -> Path:
        return self.directory / f"{self.name}.log"

    @property
    def _pid_file(self) -> Path:
        return self.directory / f"{self.name}.pid"

    def pid(self) -> int | None:
        """The process's id if it runs. A number that the system gave to another is not it."""
        pid, started = self._recorded()
        return pid if pid is not None and start_time(pid) == started else None

    def _recorded(self) -> tuple[int | None, str]:
        """The id and start time of the process that was last started, whether it runs or not."""
        try:
            text, started = self._pid_file.read_text().split()
        except (FileNotFoundError, ValueError):
            return None, ""
        return int(text), started

    def start(self) -> None:
        """Start it, unless it runs."""
        if self.pid() is not None:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                list(self.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )
        self._pid_file.write_text(f"{process.pid} {start_time(process.pid)}")
        _children[process.pid] = process

    def request_end(self) -> None:
        """Ask it to end, and do not wait. Does nothing if it does not run."""
        pid = self.pid()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)

    def wait_for_end(self, seconds: float) -> bool:
        """Wait for a process that was asked to end; whether it has."""
        pid, until = self.pid(), time.monotonic() + seconds
        while pid is not None and self._runs(pid) and time.monotonic() < until:
            time.sleep(0.02)
        return pid is None or not self._runs(pid)

    def stop(self, grace: float = 10.0) -> None:
        """Ask it to end; after `grace` seconds, make it. Does nothing if it does not run."""
        pid, (recorded, _) = self.pid(), self._recorded()
        if pid is not None:
            self.request_end()
            if not self.wait_for_end(grace):
                os.kill(pid, signal.SIGKILL)
                while self._runs(pid):
                    time.sleep(0.02)
        child = _children.get(recorded) if recorded is not None else None
        if child is not None:
            _see_out(child, grace)
        self._pid_file.unlink(missing_ok=True)
        _reap()

    def wait_until(self, ready: Callable[[], bool], seconds: float = 180.0) -> None:
        """Wait until `ready()`. Raises UnreachableError with the log's end if it dies first."""
        until = time.monotonic() + seconds
        while True:
            requested_at = time.monotonic()
            if ready():
                return
            pid = self.pid()
            if pid is None or not self._runs(pid) or time.monotonic() > until:
                _reap()
                tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-8:])
                raise UnreachableError(f"{self.name} did not start. Its log, {self.log}:\n{tail}")
            # What is asked for at length takes the processor from what it waits for.
            time.sleep(max(0.02, 2 * (time.monotonic() - requested_at)))

    def _runs(self, pid: int) -> bool:
        child = _children.get(pid)
        if child is not None:
            return child.poll() is None
        return start_time(pid) is not None


_children: dict[int, subprocess.Popen[bytes]] = {}


def _see_out(child: subprocess.Popen[bytes], grace: float) -> None:
    """Wait for a child that seems gone: its first thread may have ended before the others."""
    try:
        child.wait(grace)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _reap() -> None:
    """Let go of the children that have ended."""
    for pid in [pid for pid, child in _children.items() if child.poll() is not None]:
        del _children[pid]


def start_time(pid: int) -> str | None:
    """When a process started, in clock ticks; None if there is none (proc(5), stat)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def phtlab_command(*arguments: str) -> list[str]:
    """The `phtlab` command of this very environment."""
    return [sys.executable, "-m", "phtlab", *arguments]
