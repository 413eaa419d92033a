"""A consortium without an engine: real central, registry, wires and stations, scripted runs.

So a journey takes a fraction of a second, and a test can have many faults. Central and the
stations' daemons work in threads of this process; what is killed with -9 is in `load.py`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from phtlab.central.context import CentralContext, read_online_key
from phtlab.central.founding import init_central, pin, registry_settings
from phtlab.central.server import serving
from phtlab.central.settings import CentralSettings
from phtlab.consortium.consortium import Consortium
from phtlab.lab import Journey, Lab
from phtlab.lab.client.train import Train
from phtlab.lab.session.session import Session
from phtlab.station.context.bootstrap import open_station, trust_of
from phtlab.station.daemon.loop import Daemon
from phtlab.station.data.datasets import add_dataset
from phtlab.station.executor.contract import Job, RegistryAuth
from phtlab.station.policy.policy import default_policy
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import StationSettings, write_settings
from phtlab.station.stops.stop import Stop, Stops
from phtlab.train.crypto.identity import Identity, Member
from phtlab.trust_store.repository import online_public_key
from phtlab.trust_store.trust import Trust
from phtlab.wire.api.journeys import RosterBundle
from phtlab.wire.central import connection
from phtlab.wire.central.client import CentralClient
from phtlab.wire.central.token import mint
from phtlab.wire.registry.client import Registry
from tests.central.world import Clock
from tests.crash.invariants import cargo_on_disk
from tests.crash.wire_fault import Wire
from tests.real_registry import free_port, registry_of
from tests.station.station_world import _CONFIG as KERNEL_CONFIG
from tests.station.station_world import _MANIFEST as KERNEL_MANIFEST
from tests.station.station_world import (
    COUNTS,
    GOOD_COUNTS,
    KERNEL,
    PARAMETERS,
    SCHEMA,
    FakeRun,
    ScriptedExecutor,
    notebook,
)


class TokenTakingExecutor(ScriptedExecutor):
    """Takes a real token of central's in place of the made-up one."""

    def start(self, job: Job, authorize: Callable[[], RegistryAuth]) -> None:
        authorize()
        super().start(job, lambda: RegistryAuth("a-token"))


STATIONS = ("cleveland", "hungary")
OFFICERS = {"vera": "correct horse 1", "otto": "correct horse 2"}
PATIENCE = 90.0


@dataclass
class Light:
    """Everything of one consortium. A station reaches central and registry by its wires."""

    place: Path
    central: CentralSettings
    consortium: Consortium
    to_central: Wire
    to_registry: Wire
    registry_storage: Path
    lab: Lab
    train: Train
    clocks: dict[str, Clock]
    """Of "central" and of each station; `ahead` sets one."""
    identities: dict[str, Identity]
    executors: dict[str, ScriptedExecutor] = field(default_factory=dict)

    def folder(self, station: str) -> StationFolder:
        return StationFolder(self.place / station)

    def stop_of(self, station: str, journey: str) -> Stop:
        return Stops(self.folder(station).stops).stop(journey)

    def send(self, *stations: str) -> Journey:
        return self.lab.dispatch(
            self.train, stations=stations or STATIONS, parameters={"min_age": 50}
        )

    def ended(self, *journeys: Journey, seconds: float = PATIENCE) -> None:
        """Wait until every one of `journeys` has ended and its stations know it."""
        end = time.monotonic() + seconds
        while open_ := [text for journey in journeys for text in self._open(journey)]:
            assert time.monotonic() < end, open_
            time.sleep(0.05)

    def _open(self, journey: Journey) -> list[str]:
        return [
            f"{stop.station}: {self.stop_of(stop.station, journey.id).state}"
            for stop in journey.stops
            if not self.stop_of(stop.station, journey.id).is_reported
        ]

    def violations(self, *journeys: Journey, outcome: str = "departed") -> list[str]:
        """What does not hold of `journeys` that should all have ended with `outcome`."""
        found = []
        there = cargo_on_disk(self.registry_storage)
        for journey in journeys:
            records = journey.refresh().verified()[2]
            for stop in journey.stops:
                record, own = records.get(stop.station), self.stop_of(stop.station, journey.id)
                where = f"{journey.id[7:19]} at {stop.station}"
                if record is None or record.outcome != outcome:
                    found.append(f"{where} is {stop.state}, {stop.code}: {stop.sentence}")
                    continue
                if own.record() != stop.record:
                    found.append(f"{where}: two records")
                runs = [job for job in self.executors[stop.station].started if job.id == own.job_id]
                if len(runs) != 1:
                    found.append(f"{where} ran {len(runs)} times")
                cargo = {digest for j, s, digest in there if (j, s) == (journey.id, stop.station)}
                signed = {sent.digest for sent in record.cargos}
                if cargo != signed:
                    found.append(f"{where}: cargo {cargo}, record {signed}")
                if own.cargo.exists():
                    found.append(f"{where} left its cargo")
            if outcome == "departed" and set(journey.results().stations) != set(records):
                found.append(f"{journey.id[7:19]} does not open")
        for name in STATIONS:
            found += [f"{name} left {path.name}" for path in self.place.glob(f"{name}/**/*.part")]
            # Away a moment after the word to central: the run's remains.
            found += [f"{name} left the run {job}" for job in self.executors[name].jobs()]
        return found


@contextmanager
def light(
    place: Path,
    *,
    database: str = "",
    registry_storage: Path | None = None,
    files: Any = GOOD_COUNTS,
    **central_changes: object,
) -> Iterator[Light]:
    """A consortium in `place`, at work until the block ends."""
    clocks = {name: Clock() for name in ("central", "ada", *STATIONS)}
    with ExitStack() as ends, pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            connection,
            "mint",
            lambda who, audience, _: mint(who, audience, clocks.get(who.name, Clock())()),
        )
        patch.setattr(connection, "TOKEN_IS_USED", timedelta())  # as those clocks change
        to_central, to_registry = Wire(central := free_port()), Wire(registry_port := free_port())
        ends.callback(to_central.close)
        ends.callback(to_registry.close)
        founded = init_central(
            place / "central",
            name="hearts",
            listen=f"127.0.0.1:{central}",
            registry_url=f"http://127.0.0.1:{to_registry.port}",
        )
        settings = founded.settings.model_copy(
            update={"database": database, "poll_seconds": 0.5, **central_changes}
        )
        storage = registry_storage or place / "registry"
        ends.enter_context(_registry(settings, registry_port, storage, place))
        consortium, identities = _founded(place, settings)
        pin(place / "central", consortium.root)
        services = CentralContext.of(settings, clocks["central"])
        url = ends.enter_context(serving(settings, services))
        vera = consortium.officer("vera", OFFICERS["vera"])
        at_registry = f"http://127.0.0.1:{registry_port}"
        with (
            CentralClient(url, vera) as client,
            Registry(at_registry, client.registry_token) as registry,
        ):
            client.publish_roster(RosterBundle.model_validate(consortium.bundle()))
            _push_kernel(registry)
        lab = ends.enter_context(_lab(place, url, consortium, identities["ada"], at_registry))
        (place / "heart.ipynb").write_bytes(
            notebook(("parameters", PARAMETERS), ("station", COUNTS))
        )
        made = Light(
            place,
            settings,
            consortium,
            to_central,
            to_registry,
            storage,
            lab,
            lab.train(place / "heart.ipynb"),
            clocks,
            identities,
        )
        for name in STATIONS:
            wired = f"http://127.0.0.1:{to_central.port}"
            ends.enter_context(_station(made, identities[name], wired, files))
        yield made


@contextmanager
def _registry(settings: CentralSettings, port: int, storage: Path, place: Path) -> Iterator[str]:
    text = registry_settings(settings)
    # It listens behind the wire, and names the wire's end as its own.
    text = text.replace(
        f'addr: "{settings.registry_url.removeprefix("http://")}"', f'addr: "127.0.0.1:{port}"'
    )
    text = text.replace(f'"{settings.directory / "registry"}"', f'"{storage}"')
    text = text.replace(f'  host: "{settings.registry_url}"\n', "")
    with registry_of(text, port, place) as url:
        yield url


def _founded(place: Path, settings: CentralSettings) -> tuple[Consortium, dict[str, Identity]]:
    consortium = Consortium.found(
        place / "consortium",
        "hearts",
        OFFICERS,
        online_key=online_public_key(read_online_key(settings.online_key_file)),
        log_n=4,
    )
    identities = {name: Identity.generate(name) for name in ("ada", *STATIONS)}
    for name, identity in identities.items():
        roles = ("researcher",) if name == "ada" else ("station",)
        consortium.add_member(Member(name=name, roles=roles, keys=identity.public))
    consortium.add_image(KERNEL)
    consortium.sign(OFFICERS)
    return consortium, identities


@contextmanager
def _lab(
    place: Path, url: str, consortium: Consortium, ada: Identity, registry: str
) -> Iterator[Lab]:
    with CentralClient(url, ada) as client:
        fetcher = client.tuf_fetcher()
        trust = Trust(place / "ada", fetcher, client.metadata_url, client.targets_url)
        trust.pin(consortium.root)
        lab = Lab(Session(ada, client, trust, registry_url=registry))
        try:
            yield lab
        finally:
            lab.registry.close()


def _push_kernel(registry: Registry) -> None:
    for blob in (KERNEL_CONFIG, b"base.gz"):
        registry.put_blob(KERNEL.repository, blob)
    registry.put_manifest(KERNEL.repository, KERNEL_MANIFEST)


@contextmanager
def _station(made: Light, identity: Identity, central: str, files: Any) -> Iterator[None]:
    folder = made.folder(identity.name)
    folder.create()
    settings = StationSettings(
        name=identity.name, organisation="Clinic", central=central, inbox_wait=2
    )
    write_settings(folder, settings)
    folder.policy.write_text(default_policy("auto"))
    data = made.place / f"{identity.name}.csv"
    rows = [f"{50 + n % 30},{sex}" for sex in ("female", "male") for n in range(30)]
    data.write_text("\n".join(["age,sex", *rows]) + "\n")
    add_dataset(folder, "heart", data, SCHEMA)
    station = open_station(folder, settings, identity)
    assert isinstance(station.central, CentralClient)
    trust_of(folder, station.central).pin(made.consortium.root)
    executor = TokenTakingExecutor(
        folder.path / "runs", lambda: datetime.now(UTC), FakeRun(files=files)
    )
    made.executors[identity.name] = executor
    station = replace(station, executor=executor, now=made.clocks[identity.name])
    over = threading.Event()
    thread = threading.Thread(target=Daemon(station).run, args=(over,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(PATIENCE)
        station.close()
