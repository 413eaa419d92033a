"""One shell for a whole story, as a person would have it open."""

from __future__ import annotations

import os
import queue
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path


class Shell:
    """A bash without a terminal. What it started in the background ends with it."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self._mark = f"end-of-command-{secrets.token_hex(8)}"
        self._code = 0
        self._lines: queue.Queue[str] = queue.Queue()
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=dict(environment),
            text=True,
            bufsize=1,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def run(self, command: str, seconds: float = 240.0) -> tuple[str, int]:
        """What `command` printed on either stream, and its exit code. Raises TimeoutError."""
        assert self._process.stdin is not None
        # `$?` is the last command's, and no command reads what is typed for the next.
        self._process.stdin.write(
            f"(exit {self._code})\n{{ {command}\n}} </dev/null\nprintf '%s %s\\n' {self._mark} $?\n"
        )
        self._process.stdin.flush()
        printed, until = "", time.monotonic() + seconds
        while True:
            try:
                line = self._lines.get(timeout=max(0.1, until - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"'{command}' did not end; it printed:\n{printed}") from None
            before, mark, code = line.partition(self._mark)
            printed += before
            if mark:
                self._code = int(code)
                return printed, self._code

    def close(self, grace: float = 20.0) -> None:
        """End the shell and all that it started, stations first: SIGTERM, and SIGKILL at last."""
        assert self._process.stdin is not None and self._process.stdout is not None
        group = self._process.pid
        try:
            self.run("kill $(jobs -p) 2>/dev/null; wait", grace)
        except (TimeoutError, BrokenPipeError):
            os.killpg(group, signal.SIGKILL)
        self._process.stdin.close()
        self._process.wait(grace)
        self._reader.join(grace)
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(f"{self._mark} 1")
