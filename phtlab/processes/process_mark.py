"""Which process something on this machine belongs to, and whether that one lives yet.

It can be told where there is a /proc, as on Linux.
"""

from __future__ import annotations

import os
from pathlib import Path


def own_mark() -> str:
    """This process, as no other process of this machine is called until it starts anew.

    Raises OSError where there is no /proc.
    """
    return _mark(os.getpid())


def is_gone(mark: str) -> bool:
    """Whether the process that `mark` was made in has ended, as far as it can be told from here.

    Another user's, machine's or container's processes cannot be judged: they count as alive.
    Raises OSError where there is no /proc.
    """
    place, _, process = mark.rpartition("/")
    namespace = own_mark().rpartition("/")[0]
    pid = process.partition("-")[0]
    return place == namespace and pid.isascii() and pid.isdigit() and _mark(int(pid)) != mark


def _mark(pid: int) -> str:
    """User, boot, process namespace, process and its start; ends with `-` for no process."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    namespace = Path("/proc/self/ns/pid").readlink().name
    try:
        # The name in parentheses may hold anything; what counts comes after the last.
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        started = "" if state in "ZX" else rest[18]
    except OSError:
        started = ""
    return f"{os.getuid()}/{boot}/{namespace}/{pid}-{started}"
