"""Processor time of a consortium's parts, and of this process."""

from __future__ import annotations

import os
import time
from pathlib import Path

from phtlab.demo.world import World

_TICK = os.sysconf("SC_CLK_TCK")


def processor_seconds(world: World) -> float:
    """Return the seconds of processor time of central, registry, stations and this process.

    From utime and stime of proc(5). Services that have ended count as 0.
    """
    pids = [service.pid() for service in world.services()]
    return time.process_time() + sum(_seconds(pid) for pid in pids if pid is not None)


def _seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK
