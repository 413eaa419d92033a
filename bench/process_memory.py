"""Growth of the memory of a consortium's parts while something runs."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from phtlab.demo.world import World

_KERNELS = ("ipykernel", "phtlab.runtime", "kernel_launcher")


class MemoryWatch:
    """Reads the memory (VmRSS, proc(5)) of services, of runs' kernels and of this process.

    It reads every `seconds`. The growth is from the reading after a tenth of the time to the last.
    """

    def __init__(self, world: World, seconds: float) -> None:
        self._services = {service.name: service.pid() for service in world.services()}
        self._seconds = seconds
        self._readings: list[dict[str, int]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def text(self) -> str:
        """Return the growth of each part in MiB, as text."""
        settled = self._readings[len(self._readings) // 10 :] or [{}]
        names = dict.fromkeys(name for reading in settled for name in reading)
        grown = {}
        for name in names:
            found = [reading[name] for reading in settled if name in reading]
            grown[name] = (found[-1] - found[0]) / 1024
        return ", ".join(f"{name} {mib:.1f} MiB" for name, mib in grown.items())

    def _watch(self) -> None:
        while not self._ended.wait(self._seconds):
            reading = {name: _rss(pid) for name, pid in self._services.items() if pid is not None}
            kernels = [_rss(pid) for pid in _kernels()]
            if kernels:
                reading["the largest kernel"] = max(kernels)
            reading["driver"] = _rss("self")
            self._readings.append(reading)


def _kernels() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if any(name.encode() in path.read_bytes() for name in _KERNELS):
                found.append(path.parent.name)
        except OSError:
            continue  # it has ended
    return found


def _rss(pid: int | str | None) -> int:
    """Return the memory of a process in KiB, 0 if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])
    except (OSError, IndexError):
        return 0
