"""kill -9 of the container engine in the middle of a run: an engine of the test's own."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import docker.errors
import pytest
import requests

from phtlab.demo.world import World
from phtlab.lab import Lab
from phtlab.processes.services import Service
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import load_settings, write_settings
from phtlab.station.stops.marker import Marker
from phtlab.wire.engine_socket import check_socket
from tests.crash.invariants import assert_soon
from tests.e2e.parts import (
    away,
    bring_back,
    ended,
    job_of,
    kill,
    left_behind,
    service,
    starts,
    stop_of,
    until,
)
from tests.e2e.written_notebook import LOAD, PUBLISH, write_notebook
from tests.evidence import Evidence
from tests.limits import LIMIT

pytestmark = [pytest.mark.engine, pytest.mark.long]

STATION = "hungary"


@dataclass(frozen=True)
class Engine:
    """A dockerd beside the machine's: it has no network, which no run needs."""

    place: Path
    service: Service

    @property
    def address(self) -> str:
        return f"unix://{self.place / 'engine.sock'}"

    def start(self) -> None:
        # Their numbers may be of zombies, for which a new dockerd would wait.
        for stale in ("dockerd.pid", "exec/containerd/containerd.pid"):
            (self.place / stale).unlink(missing_ok=True)
        self.service.start()
        self.service.wait_until(self._answers)

    @contextmanager
    def asked(self) -> Iterator[docker.DockerClient]:
        client = docker.DockerClient(base_url=self.address, version="1.41")
        try:
            yield client
        finally:
            client.close()

    def _answers(self) -> bool:
        with suppress(OSError, docker.errors.DockerException, requests.RequestException):
            check_socket(self.address)
            with self.asked() as client:
                return bool(client.ping())
        return False


@pytest.fixture(scope="module")
def own(small: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    place = tmp_path_factory.mktemp("engine")
    command = [
        *("dockerd", "-H", f"unix://{place}/engine.sock", "--data-root", f"{place}/data"),
        *("--exec-root", f"{place}/exec", "--pidfile", f"{place}/dockerd.pid"),
        *("--bridge", "none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"),
    ]
    engine = Engine(place, Service("engine", command, place, {}))
    folder = StationFolder(small.station_folder(STATION))
    before = load_settings(folder)
    try:
        engine.start()
        with away(small, STATION):
            options = {"engine": engine.address}
            write_settings(folder, before.model_copy(update={"executor_options": options}))
        yield engine
    finally:
        service(small, STATION).stop()
        write_settings(folder, before)
        engine.service.stop(30)
        bring_back(small, STATION)
        # dockerd mounts its own folder upon itself.
        subprocess.run(["umount", "-l", place / "data"], check=True, timeout=LIMIT)


@pytest.mark.parametrize("moment", ["starting", "started", "outcome"])
def test_the_engine_killed_once_there_is(
    small: World,
    small_lab: Lab,
    own: Engine,
    tmp_path: Path,
    evidence: Evidence,
    moment: str,
) -> None:
    cell = "import time\ntime.sleep(2)\n"
    notebook = write_notebook(tmp_path / "slow.ipynb", LOAD, cell, PUBLISH)
    begun = time.time()
    journey = small_lab.dispatch(notebook, stations=STATION)
    stop = stop_of(small, STATION, journey.id)
    until(lambda: stop.has(Marker(moment)))
    runs = runs_of(own, begun, journey.id)
    kill(own.service)
    own.start()
    record = ended(journey, STATION)
    until(lambda: stop.is_reported)
    # The engine forgets its events when it is killed: those before are added to those after.
    runs += runs_of(own, begun, journey.id)
    assert runs <= 1, "run once at most"
    assert record.outcome in ("departed", "failed"), record
    assert record.outcome == "departed" or record.code
    # What stays of a kill in the middle of a removal, the station's next start sweeps away.
    with away(small, STATION):
        pass
    assert_soon(lambda: left(own, small, journey.id))
    evidence(
        "kills",
        kill_point=f"the engine, once there is {moment}.json at the station",
        count=1,
        outcome=f"run once at most, ended once as {record.outcome}, nothing left behind",
    )


def runs_of(own: Engine, since: float, journey: str) -> int:
    with own.asked() as client:
        return starts(client, since, journey)


def left(own: Engine, world: World, journey: str) -> list[Any]:
    label = f"phtlab.job={job_of(journey)}"
    with own.asked() as client:
        found = client.api.containers(all=True, filters={"label": label})
        return [*left_behind(client, world, STATION), *found]
