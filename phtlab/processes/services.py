"""Background processes: started once, found again by another command, stopped by id."""

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
    """A named process whose pid, start time and log are in `directory`."""

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
        """Return the id of the running process, or None; a reused number does not count."""
        pid, started = self._recorded()
        return pid if pid is not None and start_time(pid) == started else None

    def _recorded(self) -> tuple[int | None, str]:
        """Return id and start time of the process last started, whether it runs or not."""
        try:
            text, started = self._pid_file.read_text().split()
        except (FileNotFoundError, ValueError):
            return None, ""
        return int(text), started

    def start(self) -> None:
        """Start the process, unless it runs."""
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
        """Send SIGTERM and do not wait. Does nothing if the process does not run."""
        pid = self.pid()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)

    def wait_for_end(self, seconds: float) -> bool:
        """Wait up to `seconds` for the process to end; return whether it has."""
        pid, until = self.pid(), time.monotonic() + seconds
        while pid is not None and self._runs(pid) and time.monotonic() < until:
            time.sleep(0.02)
        return pid is None or not self._runs(pid)

    def stop(self, grace: float = 10.0) -> None:
        """Send SIGTERM, and SIGKILL after `grace` seconds. Does nothing if it does not run."""
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
        """Wait until `ready()`. Raises UnreachableError if the process ends or time runs out.

        The error shows the end of the log. `seconds` is the time limit.
        """
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
            # A slow check takes processor time from the service: wait twice as long as it took.
            time.sleep(max(0.02, 2 * (time.monotonic() - requested_at)))

    def _runs(self, pid: int) -> bool:
        child = _children.get(pid)
        if child is not None:
            return child.poll() is None
        return start_time(pid) is not None


_children: dict[int, subprocess.Popen[bytes]] = {}


def _see_out(child: subprocess.Popen[bytes], grace: float) -> None:
    """Wait for a child that seems to have ended: its first thread may end before the others."""
    try:
        child.wait(grace)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _reap() -> None:
    """Forget children that have ended."""
    for pid in [pid for pid, child in _children.items() if child.poll() is not None]:
        del _children[pid]


def start_time(pid: int) -> str | None:
    """Return a process's start time in clock ticks (proc(5), stat); None if it does not run.

    A process whose first thread has ended runs, and keeps its sockets, until its last one ends.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    state, threads = fields[0], int(fields[17])
    return None if state == "Z" and threads <= 1 else fields[19]


def phtlab_command(*arguments: str) -> list[str]:
    """Return the command line of `phtlab` in this very environment."""
    return [sys.executable, "-m", "phtlab", *arguments]
