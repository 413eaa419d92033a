"""Confines a process of the station's own that reads what a stranger wrote."""

from __future__ import annotations

import os
import resource

NOBODY = 65534


def confine(*, memory: int, seconds: int, files: int) -> None:
    """No more memory (bytes), CPU time, open files or processes than these, and no root.

    No file can be written any more. With as many `files` as are open, nothing can be opened.
    """
    for limit, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, files),
    ):
        hard = resource.getrlimit(limit)[1]
        lowered = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (lowered, lowered))
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
