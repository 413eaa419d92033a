"""Kills a container of the real engine as soon as it runs: a station's trial, say."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import docker
import docker.errors

from phtlab.station.executor.docker_executor import DEFAULT_ENGINE
from tests.limits import join


@contextmanager
def killing(name: str) -> Iterator[None]:
    """Kill each container called `name` as soon as it runs, while the block does."""
    enough = threading.Event()
    api = docker.APIClient(base_url=DEFAULT_ENGINE, version="auto")

    def kill() -> None:
        while not enough.wait(0.005):
            with suppress(docker.errors.APIError):  # not there, not running yet, or gone
                api.kill(name)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        join(thread)
        api.close()
