"""Loopback ports for services that start later, and restart."""

from __future__ import annotations

import random
import socket
from pathlib import Path

_LOWEST = 10_000  # well-known services have lower ports
_HIGHEST = 65_535
_CLAIMS: dict[int, int] = {}  # port to the file descriptor of its claim


def free_port() -> int:
    """Return a port that nothing listens on, and that no other process gets from this function.

    The port is outside the range for outgoing connections (ip_local_port_range): while its service
    does not run, any program's connection could take a port of that range. The claim lasts until
    this process ends. Raises OSError if there is none.
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
    """Bind an abstract socket name, which one process of this machine can have until it ends."""
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0phtlab-port-{port}")
    except OSError:
        claim.close()
        return False
    _CLAIMS[port] = claim.detach()
    return True
