"""Ports for services that start later: no other process of this machine takes them meanwhile."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from phtlab.processes import ports
from tests.limits import LIMIT


def test_the_system_gives_no_connection_one_of_them() -> None:
    given = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    lowest, highest = map(int, given)
    found = {ports.free_port() for _ in range(20)}
    assert len(found) == 20
    assert not [port for port in found if lowest <= port <= highest]


def test_one_that_is_listened_on_is_not_free() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        assert not ports._is_free(listening.getsockname()[1])


def test_another_process_gets_another_one_until_this_one_ends() -> None:
    code = (
        "import sys\nfrom phtlab.processes import ports\n"
        "print(ports._claim(int(sys.argv[1])), flush=True)"
    )

    def claimed(port: int) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code, str(port)],
            capture_output=True,
            text=True,
            check=True,
            timeout=LIMIT,
        )
        return done.stdout.strip()

    port = ports.free_port()
    assert claimed(port) == "False"
    os.close(ports._CLAIMS.pop(port))
    assert claimed(port) == "True"
    assert ports._claim(port)


def test_without_a_free_port_that_is_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_is_free", lambda port: False)
    with pytest.raises(OSError):
        ports.free_port()
