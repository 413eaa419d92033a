"""The marked consortium, once: everything is done in it, and then it is searched."""

from __future__ import annotations

from collections.abc import Iterator

import docker
import pytest

from phtlab.demo.showcase import connected
from phtlab.demo.world import running
from phtlab.kernel.build import BuiltKernel
from tests.canary.marked_world import (
    STATIONS,
    Aftermath,
    RecordedWorld,
    do_everything,
    forget_runs,
    found,
)
from tests.canary.places import Scene
from tests.canary.recording_proxy import RecordingProxy
from tests.canary.watched_processes import WatchedProcesses
from tests.canary.watched_runs import WatchedRuns
from tests.conftest import CACHE


@pytest.fixture(scope="module")
def scene(
    tmp_path_factory: pytest.TempPathFactory,
    engine: docker.DockerClient,
    built_kernel: BuiltKernel,
) -> Iterator[Scene]:
    place = tmp_path_factory.mktemp("canary")
    temporary = place / "tmp"
    temporary.mkdir()
    proxy = RecordingProxy(lambda: world.central_port)
    world = RecordedWorld(place / "demo", log_n=12, stations=STATIONS, proxy_port=proxy.port)
    watched = WatchedProcesses()
    runs = WatchedRuns(engine, world.directory)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHTLAB_CACHE", str(CACHE))
        patch.setenv("TMPDIR", str(temporary))
        marks = found(world)
        watched.start()
        runs.start()
        try:
            with running(world, lambda doing: None):
                aftermath = Aftermath(
                    world, marks, {}, place / "notebooks", place / "exports", place / "lab"
                )
                aftermath.notebooks.mkdir()
                lab = connected(world)
                do_everything(aftermath, lab, engine, runs)
                lab.registry.close()
                lab.central.close()
        finally:
            runs.stop()
            forget_runs(world, engine)
        watched.stop()
    proxy.close()
    yield Scene(aftermath, proxy, watched, runs, engine, temporary, kernel_blobs(built_kernel))


def kernel_blobs(kernel: BuiltKernel) -> frozenset[str]:
    """The names of its layers' files in a registry."""
    return frozenset(layer.digest.removeprefix("sha256:") for layer in kernel.layers)
