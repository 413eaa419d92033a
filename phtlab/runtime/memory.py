"""How often the kernel of the operating system killed for memory in this cgroup."""

from __future__ import annotations

import os

CGROUP = "/sys/fs/cgroup"


def oom_kills(cgroup: str = CGROUP) -> int:
    """The `oom_kill` counter of cgroup v2, else of v1; 0 where there is none to read."""
    for name in ("memory.events", "memory/memory.oom_control"):
        try:
            with open(os.path.join(cgroup, name)) as file:  # noqa: PTH118, PTH123
                for line in file:
                    word, _, count = line.partition(" ")
                    if word == "oom_kill":
                        return int(count)
        except (OSError, ValueError):
            continue
    return 0
