"""A real registry (CNCF Distribution) on a loopback port, for as long as a test wants it."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from phtlab.processes.ports import free_port
from phtlab.processes.services import Service

__all__ = ["answers", "free_port", "registry_of"]


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def registry_of(settings: str, port: int, folder: Path, *, name: str = "registry") -> Iterator[str]:
    """Its URL. `settings` are YAML and say `port`; they and the log lie in `folder` as `name`."""
    program = shutil.which("docker-registry")
    assert program, "install the Debian package docker-registry"
    file = folder / f"{name}.yml"
    file.write_text(settings)
    service = Service(name, [program, "serve", str(file)], folder, {})
    service.start()
    try:
        service.wait_until(lambda: answers(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        service.stop()
