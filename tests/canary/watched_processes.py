"""What command lines and environments tell, looked at again and again while processes run."""

from __future__ import annotations

import os
import threading
from collections import Counter
from pathlib import Path

from tests.limits import join

_PAUSE = 0.02
_LOOKS = 10  # at one process: by then it is the program that it was started to be


class WatchedProcesses:
    """Keeps each command line and environment that any process of this machine was seen with."""

    def __init__(self) -> None:
        self.seen: dict[tuple[bytes, bytes], str] = {}
        self._looks: Counter[str] = Counter()
        self._until = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._until.set()
        join(self._thread)
        self.look()

    def look(self) -> None:
        """Look once."""
        for folder in Path("/proc").iterdir():
            pid = folder.name
            if not pid.isdecimal() or int(pid) == os.getpid() or self._looks[pid] > _LOOKS:
                continue
            self._looks[pid] += 1
            try:
                told = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
            except OSError:  # it has ended
                continue
            if told[0] and told not in self.seen:
                self.seen[told] = " ".join(told[0].decode(errors="replace").split("\0"))

    def _watch(self) -> None:
        while not self._until.wait(_PAUSE):
            self.look()
