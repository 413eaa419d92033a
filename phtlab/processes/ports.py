"""Ports of the loopback for services that start later, and start again."""

from __future__ import annotations

import random
import socket
from pathlib import Path

_LOWEST = 10_000  # below are services that have a name
_HIGHEST = 65_535
_CLAIMS: dict[int, int] = {}  # port to the open file that holds its claim


def free_port() -> int:
    """A port that nothing listens on, and that no other process gets from here.

    It is none of those that the system gives to connections (ip_local_port_range): until a
    service starts, or while it starts again, any program's connection could take one of them.
    Claimed until this process ends. Raises OSError if there is none.
    """
    lowest, highest = map(
        int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()
    )
    ports: list[int] = [*range(_LOWEST, lowest), *range(max(highest + 1, _LOWEST), _HIGHEST + 1)]
    for port in random.SystemRandom().sample(ports, len(ports)):
        if port not in _CLAIMS and _is_free(port) and _claim(port):
            return port
    raise OSError("No port of 127.0.0.1 is free.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _claim(port: int) -> bool:
    """Take a name that the kernel gives to one process of this machine, and frees at its end."""
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0phtlab-port-{port}")
    except OSError:
        claim.close()
        return False
    _CLAIMS[port] = claim.detach()
    return True
