"""The processes of a world, as a test treats them: found, killed, asked, looked behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docker

from phtlab.demo.world import World
from phtlab.lab import Journey, Lab
from phtlab.lab.client.train import Train
from phtlab.processes.services import Service, phtlab_command
from phtlab.station.settings.folder import StationFolder
from phtlab.station.stops.stop import Stop, Stops
from phtlab.train.documents.order import Order
from phtlab.train.documents.record import StopRecord
from phtlab.wire.registry.trains import push_train

PATIENCE = 180.0


def service(world: World, name: str) -> Service:
    return next(one for one in world.services() if one.name == name)


def kill(one: Service) -> None:
    """kill -9, at once."""
    pid = one.pid()
    assert pid is not None, f"{one.name} does not run: {one.log.read_text()[-2000:]}"
    os.kill(pid, signal.SIGKILL)
    # Until the last of its threads is gone, and with it its open sockets.
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def bring_back(world: World, name: str) -> None:
    """Start the process `name`; central and the registry answer on return."""
    one = service(world, name)
    one.start()
    one.wait_until(lambda: port_answers(world, name), PATIENCE)


def port_answers(world: World, name: str) -> bool:
    """Whether the process `name` takes connections; a station, which takes none, always does."""
    port = json.loads((world.directory / "ports.json").read_text()).get(name)
    return port is None or _answers(port)


@contextmanager
def away(world: World, name: str) -> Iterator[None]:
    """Without the process `name`; it is back afterwards."""
    service(world, name).stop()
    try:
        yield
    finally:
        bring_back(world, name)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait for `condition`; AssertionError if it does not come."""
    end = time.monotonic() + seconds
    while True:
        looked = time.monotonic()
        if condition():
            return
        assert looked < end, f"waited for {seconds} seconds in vain"
        # A look that is long takes the processor from what it waits for.
        time.sleep(max(0.005, 2 * (time.monotonic() - looked)))


def command(
    world: World, *arguments: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """`phtlab ARGUMENTS` as the researcher of `world` types it."""
    return subprocess.run(
        phtlab_command(*arguments),
        env={**os.environ, **world.environment, "COLUMNS": "400", **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def stop_of(world: World, station: str, journey: str) -> Stop:
    """The station's own folder of a stop, which need not exist yet."""
    return Stops(StationFolder(world.station_folder(station)).stops).stop(journey)


def ended(journey: Journey, station: str) -> StopRecord:
    """The verified record of `station`, once it has ended."""
    journey.wait(PATIENCE, on_change=lambda view: None)
    return journey.verified()[2][station]


def sign_and_send(
    lab: Lab,
    train: Train,
    stations: tuple[str, ...],
    parameters: dict[str, Any],
    *,
    image: str | None = None,
) -> Journey:
    """An order as a changed client would send it: nothing is checked before it is signed."""
    push_train(lab.registry, train.image, train.repository, train.kernel)
    lab.central.submit_train(train.sign())
    order = Order.new(
        image or train.digest,
        stations,
        parameters,
        (lab.name,),
        lab.trusted.roster.version,
        now=datetime.now(UTC),
    )
    return Journey(lab.session, lab.central.submit_journey(order.sign(lab.identity)))


def change_central(world: World, statement: str, *values: object) -> None:
    """What a hostile central could do at any time: change a row of its own database."""
    path = world.directory / "central" / "central.sqlite"
    assert path.exists()
    with closing(sqlite3.connect(path, timeout=30)) as database, database:
        changed = database.execute(statement, values).rowcount
    assert changed == 1


def starts(engine: docker.DockerClient, since: float, journey: str) -> int:
    """How many containers of `journey` began to run since then, by the engine's own events."""
    events = engine.events(
        since=since,
        until=time.time(),
        filters={"type": "container", "event": "start", "label": f"phtlab.job={job_of(journey)}"},
        decode=True,
    )
    return len(list(events))


def job_of(journey: str) -> str:
    return Stop(Path(journey.removeprefix("sha256:"))).job_id


def at_cell(world: World, station: str, journey: str) -> int:
    """At which cell its run says that it is, from 1, and 0 before: to whoever is at the station.

    Central hears it only where the policy lets it.
    """
    folder = StationFolder(world.station_folder(station)).runs / job_of(journey) / "out"
    with suppress(OSError, ValueError):
        return int(json.loads((folder / "progress.json").read_bytes())["done"]) + 1
    return 0


def left_behind(engine: docker.DockerClient, world: World, station: str) -> list[str]:
    """Containers, mounts, loop devices and folders of runs that a station has left."""
    place = world.station_folder(station) / "runs"
    inside = f"{place}/"
    containers = engine.api.containers(all=True)
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    loops = []
    for file in Path("/sys/block").glob("loop*/loop/backing_file"):
        with suppress(OSError):
            loops.append(file.read_text())
    return [
        *(
            name
            for container in containers
            for name in container["Names"]
            if any(mount.get("Source", "").startswith(inside) for mount in container["Mounts"])
        ),
        *(mount for mount in mounts if mount.startswith(inside)),
        *(loop for loop in loops if loop.startswith(inside)),
        *(run.name for run in (place.iterdir() if place.exists() else ())),
    ]
