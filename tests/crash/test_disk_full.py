"""A full disk at the station, at central and at the registry: said, held, and gone on from."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from phtlab.errors import CentralUnreachableError, RegistryUnreachableError, StationError
from phtlab.files import durable_file
from phtlab.station.executor.contract import Limits
from phtlab.station.executor.output_volume import LoopbackVolumes
from phtlab.station.stops.marker import Marker
from tests.crash.consortium import Light, light
from tests.crash.invariants import assert_soon
from tests.crash.small_disk import SmallDisk, small_disk
from tests.e2e.parts import until
from tests.evidence import Evidence
from tests.raising import raises_code
from tests.station.station_world import make_world

SAYS = "This station cannot write or read its folder; it holds the stop. Free space there"

_DRAFT = re.compile(r"\.[0-9a-f]{16}\.part$")
"""What a draft's name has beyond its file's."""


def test_at_each_write_of_a_station_the_stop_is_held_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evidence: Evidence
) -> None:
    """Each file, and each folder, cannot be written the first time that it is tried."""
    world = make_world(tmp_path)
    world.add_hearts()
    offer = world.offer()
    refused: set[str] = set()
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        name = _DRAFT.sub("", Path(f"/proc/self/fd/{descriptor}").readlink().name)
        if name not in refused:
            refused.add(name)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    monkeypatch.setattr(durable_file.os, "fsync", fsync)
    daemon = world.daemon()
    with capture_logs() as logs:
        for _ in range(100):
            if daemon._accept_offers([offer]):
                break
        for _ in range(100):
            world.ahead += timedelta(minutes=2)
            daemon.step()
            if world.stop(offer).is_reported:
                break
    record = world.record(offer)
    assert (record.outcome, len(world.scripted.started)) == ("departed", 1)
    assert world.executor.jobs() == frozenset()
    assert not list(world.folder.path.rglob("*.part"))
    said = [line["why"] for line in logs if line["event"] == "stop waits"]
    assert said and {why.startswith(SAYS) for why in said} == {True}
    assert len(refused) > 12
    evidence(
        "kills",
        kill_point="station, its disk is full at each write of a stop",
        count=len(refused),
        outcome="said, held, run once, ended once",
    )


@pytest.mark.engine
def test_a_run_without_room_for_its_output_leaves_nothing_that_fills_the_disk(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "disk", "8m") as disk:
        with raises_code(StationError, "station-disk-full"):
            LoopbackVolumes().create(disk.path / "run", Limits())
        assert list(disk.path.iterdir()) == []


def test_a_stop_whose_run_has_no_room_is_held(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.add_hearts()
    world.scripted.refuses = StationError("There is no room.", code="station-disk-full")
    offer = world.offer()
    daemon = world.begun(offer, steps=3)
    for _ in range(20):
        world.ahead += timedelta(minutes=2)
        daemon.step()
    assert world.stop(offer).state == "running" and not world.stop(offer).has(Marker.STARTED)
    world.scripted.refuses = None
    for _ in range(20):
        world.ahead += timedelta(minutes=2)
        daemon.step()
    assert world.record(offer).outcome == "departed"


class Disks:
    def __init__(self, station: SmallDisk, central: SmallDisk, registry: SmallDisk) -> None:
        self.station, self.central, self.registry = station, central, registry


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disks]:
    place = tmp_path_factory.mktemp("disks")
    with (
        small_disk(place / "consortium" / "cleveland", "8m") as station,
        small_disk(place / "central", "8m") as central,
        small_disk(place / "registry", "8m") as registry,
    ):
        yield Disks(station, central, registry)


@pytest.fixture(scope="module")
def consortium(disks: Disks) -> Iterator[Light]:
    with light(
        disks.station.path.parent,
        database=f"sqlite:///{disks.central.path}/central.sqlite",
        registry_storage=disks.registry.path,
    ) as up:
        yield up


def told(evidence: Evidence, whose: str) -> None:
    evidence(
        "kills",
        kill_point=f"{whose}, its disk is full",
        count=1,
        outcome="said, held, gone on when there was room again",
    )


@pytest.mark.engine
def test_the_disk_of_a_station_is_full(consortium: Light, disks: Disks, evidence: Evidence) -> None:
    with disks.station.full():
        journey = consortium.send()
        until(lambda: consortium.stop_of("hungary", journey.id).is_reported)
        assert not consortium.stop_of("cleveland", journey.id).has(Marker.OFFER)
    consortium.ended(journey)
    assert_soon(lambda: consortium.violations(journey))
    told(evidence, "station")


@pytest.mark.engine
def test_the_disk_of_central_is_full(consortium: Light, disks: Disks, evidence: Evidence) -> None:
    journey = consortium.send()
    with disks.central.full():
        with raises_code(CentralUnreachableError, "central-database"):
            # The first that are written may find room in the database's own files.
            for _ in range(100):
                consortium.send()
        time.sleep(1)
    journeys = [journey, consortium.send()]
    consortium.ended(*journeys)
    assert_soon(lambda: consortium.violations(*journeys))
    told(evidence, "central")


@pytest.mark.engine
def test_the_disk_of_the_registry_is_full(
    consortium: Light, disks: Disks, evidence: Evidence
) -> None:
    journey = consortium.send()
    with disks.registry.full():
        stop = consortium.stop_of("cleveland", journey.id)
        until(lambda: stop.has(Marker.SEALED) or stop.is_reported)
        with raises_code(RegistryUnreachableError, "registry-unreachable"):
            consortium.lab.registry.put_blob("trains/ada/more", b"more")
    consortium.ended(journey)
    assert_soon(lambda: consortium.violations(journey))
    told(evidence, "registry")
