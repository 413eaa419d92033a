"""Marks that identify a process, and whether a marked process still runs.

They need /proc, as on Linux.
"""

from __future__ import annotations

import os
from pathlib import Path


def own_mark() -> str:
    """Return a mark of this process that no other process of this machine has.

    Raises OSError without /proc.
    """
    return _mark(os.getpid())


def is_gone(mark: str) -> bool:
    """Whether the process that made `mark` has ended, as far as this process can determine.

    Processes of another user, machine or container cannot be checked: they count as running.
    Raises OSError without /proc.
    """
    place, _, process = mark.rpartition("/")
    namespace = own_mark().rpartition("/")[0]
    pid = process.partition("-")[0]
    return place == namespace and pid.isascii() and pid.isdigit() and _mark(int(pid)) != mark


def _mark(pid: int) -> str:
    """Return user, boot, PID namespace, process id and start; ends with `-` for no process."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    namespace = Path("/proc/self/ns/pid").readlink().name
    try:
        # The name in parentheses may hold anything; the fields come after the last parenthesis.
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        started = "" if state in "ZX" else rest[18]
    except OSError:
        started = ""
    return f"{os.getuid()}/{boot}/{namespace}/{pid}-{started}"
