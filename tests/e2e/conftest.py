"""One world for all end-to-end tests: real central, registry, engine, four hospitals, a twin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from phtlab.demo.showcase import connected
from phtlab.demo.world import World, running
from phtlab.lab import Lab

CACHE = Path(__file__).parents[2] / ".cache"


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient) -> Iterator[World]:
    # Loopback file systems are mounted below: not in pytest's folder, which it may delete.
    place = tmp_path_factory.mktemp("world") / "demo"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHTLAB_CACHE", str(CACHE))
        with running(World(place, log_n=12), lambda doing: None) as up:
            yield up


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient) -> Iterator[World]:
    """Two hospitals of their own, for tests that kill processes and change what they keep."""
    place = tmp_path_factory.mktemp("small") / "demo"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHTLAB_CACHE", str(CACHE))
        made = World(place, log_n=12, stations=("cleveland", "hungary"))
        with running(made, lambda doing: None) as up:
            yield up


@pytest.fixture(scope="session")
def lab(world: World) -> Lab:
    return connected(world)


@pytest.fixture(scope="session")
def small_lab(small: World) -> Lab:
    return connected(small)
