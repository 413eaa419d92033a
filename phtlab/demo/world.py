"""A consortium on one machine: founded once, then started any number of times.

Everything is in one folder::

    passphrase            of every key in this folder, for the demonstration only
    consortium/  central/ stations/<name>/  patients/<name>/heart.csv
    researcher/           the configuration of `dr-lovelace`, as PHTLAB_CONFIG
    services/             pid and log of each process
    report/               the demonstration's report

The folder is a world once `world.json` is in it; an interrupted founding is started over.
"""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from phtlab.central.founding import init_central
from phtlab.central.founding import pin as pin_central
from phtlab.consortium.consortium import Consortium
from phtlab.demo.heart import HOSPITALS, write_patients
from phtlab.demo.kernel_ahead import KERNEL_RECIPE
from phtlab.errors import SettingsError
from phtlab.files.key_file import write_key
from phtlab.kernel.build import BuildEvent, build_kernel
from phtlab.kernel.push import push_kernel
from phtlab.lab.client.lab import connect
from phtlab.processes.ports import free_port
from phtlab.processes.services import Service, phtlab_command
from phtlab.share import share
from phtlab.station.data.datasets import add_dataset
from phtlab.station.data.schema import DataSetSchema
from phtlab.station.data.twin import make_twin
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import StationSettings, write_settings
from phtlab.train.crypto.identity import Identity, Member, Role
from phtlab.trust_store.trust import Trust
from phtlab.user_settings import UserSettings, cache_directory
from phtlab.wire.api.journeys import RosterBundle
from phtlab.wire.central.client import CentralClient
from phtlab.wire.registry.client import Registry

OFFICERS = ("officer-ada", "officer-bo", "officer-cleo")
SIGNERS = 2
RESEARCHER = "dr-lovelace"
TWIN = "twin"
AGGREGATOR = "adder"
"""A name of `World.stations` that is an aggregator: it combines rounds, and has no data."""
CONSORTIUM = "heart-net"
STATIONS = (*HOSPITALS, TWIN)

_START = """\
# The demonstration's stations start what a member of the consortium sends.
# A hospital would begin with mode = "human": docs/policy.md.
mode = "auto"

[allow]
routes = ["parallel", "sequential", "rounds"]
"""
_NO_PERSON = """
# A hospital would ask a person about the following. Nobody sits here: it stays, and the other
# outputs leave. Groups whose people are all alike, what differs by a few people from what has left,
# and outputs of few people for each of their numbers.
[airlock]
close_total = "refuse"
values = "refuse"

[airlock.tables]
class_disclosure = "suppress"

[airlock.figures]
class_disclosure = "refuse"
differencing = "refuse"

[airlock.models]
differencing = "refuse"
uncounted = "refuse"

# A regression or a small network, trained in a few dozen rounds.
[rounds]
without_membership = 5000
aggregators = ["adder"]

# A course asks in a day what a researcher asks in months.
[month]
values = 100
"""
_LIMITS = """
[limits]
memory = "1 GiB"
seconds = 300
"""
POLICY = _START + _NO_PERSON + _LIMITS
"""Policy of the hospitals."""
ASKING_POLICY = _START + _LIMITS
"""Policy of the twin station, which shows what other stations would hold for a person."""

Step = Callable[[str], None]
_ROLES: Final[Mapping[str, tuple[Role, ...]]] = {
    TWIN: ("station", "twin"),
    AGGREGATOR: ("aggregator",),
}


@dataclass(frozen=True)
class World:
    """The consortium in `directory`. `log_n` is scrypt's work factor, which tests lower.

    `central_environment` are variables for central besides its folder: of a hub, if there is one.
    """

    directory: Path
    log_n: int = 18
    stations: Sequence[str] = STATIONS
    central_environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def founded(self) -> bool:
        return (self.directory / "world.json").exists()

    @property
    def passphrase(self) -> str:
        return (self.directory / "passphrase").read_text()

    @property
    def central_url(self) -> str:
        return f"http://127.0.0.1:{self._ports()['central']}"

    @property
    def registry_url(self) -> str:
        return f"http://127.0.0.1:{self._ports()['registry']}"

    @property
    def consortium(self) -> Consortium:
        return Consortium(self.directory / "consortium")

    @property
    def report(self) -> Path:
        return self.directory / "report"

    @property
    def researcher(self) -> Path:
        """The researcher's configuration folder."""
        return self.directory / "researcher"

    @property
    def profile(self) -> UserSettings:
        return UserSettings(
            self.central_url,
            self.researcher / "keys" / f"{RESEARCHER}.key.age",
            self.researcher / "trust",
        )

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which a shell or a kernel acts as the researcher."""
        return {"PHTLAB_CONFIG": str(self.researcher), "PHTLAB_PASSPHRASE": self.passphrase}

    def station_folder(self, station: str) -> Path:
        return self.directory / "stations" / station

    def services(self) -> list[Service]:
        """Return registry, central and stations, in the order in which they start."""
        place, central = self.directory / "services", self.directory / "central"
        run = phtlab_command("central", "run", str(central))
        services = [
            Service("registry", phtlab_command("central", "registry", str(central)), place, {}),
            Service("central", run, place, self.central_environment),
        ]
        for station in self.stations:
            command = phtlab_command("station", "run", "-C", str(self.station_folder(station)))
            secret = {"PHTLAB_PASSPHRASE": self.passphrase}
            services.append(Service(station, command, place, secret))
        return services

    def found(self, step: Step) -> None:
        """Make the folder: keys, consortium, central, stations and their data. Starts nothing."""
        if self.directory.exists():
            _require_ours(self.directory)
            self.stop()
            shutil.rmtree(self.directory)
        self.directory.mkdir(parents=True, mode=0o700)
        (self.directory / "world.founding").touch()
        (self.directory / "passphrase").write_text(secrets.token_urlsafe(24))
        ports = {"central": free_port(), "registry": free_port()}
        (self.directory / "ports.json").write_text(json.dumps(ports))
        step("central's folder and keys")
        central = init_central(
            self.directory / "central",
            name=CONSORTIUM,
            listen=f"127.0.0.1:{self._ports()['central']}",
            registry_url=self.registry_url,
        )
        step(f"keys of {len(OFFICERS)} officers")
        consortium = Consortium.found(
            self.directory / "consortium",
            CONSORTIUM,
            dict.fromkeys(OFFICERS, self.passphrase),
            threshold=SIGNERS,
            online_key=json.loads(central.online_key.read_bytes()),
            log_n=self.log_n,
        )
        pin_central(self.directory / "central", consortium.root)
        for station in self.stations:
            step(f"keys and data of {station}")
            consortium.add_member(self._found_station(station))
        step(f"key of {RESEARCHER}")
        consortium.add_member(self._found_researcher())
        step(f"{SIGNERS} officers sign the roster")
        self.sign()
        (self.directory / "world.json").write_text(json.dumps({"version": 1}))

    def start(self, step: Step) -> None:
        """Start what does not run: registry, central, the kernel image, the stations."""
        registry, central, *stations = self.services()
        step("the registry and central")
        registry.start()
        central.start()
        registry.wait_until(lambda: _answers(self._ports()["registry"]))
        central.wait_until(lambda: _answers(self._ports()["central"]))
        self.publish()
        self._provide_kernel(step)
        step(f"{len(stations)} stations")
        # Central may show a station as online for a while after it ended.
        known = {station.name for station in stations if station.pid() is not None}
        since = datetime.now(UTC)
        for station in stations:
            station.start()
        self._wait_for_stations(stations, known, since)

    def stop(self) -> None:
        """Stop every process of this world, stations first."""
        if self.founded:
            registry, central, *stations = self.services()
            for station in stations:
                station.request_end()
            for service in (*stations, central, registry):
                service.stop()

    def _provide_kernel(self, step: Step) -> None:
        """Build the kernel image, push it to the registry, and have officers sign the catalogue."""

        def report(event: BuildEvent) -> None:
            if event.seconds is None:
                step(f"the kernel image: {event.title}")

        step("the kernel image")
        built = build_kernel(share(KERNEL_RECIPE), cache_directory() / "kernel-images", report)
        consortium = self.consortium
        known = built.image in consortium.catalogue.images
        if known and not self._roster_expires_soon():
            return
        step("the kernel image goes to the registry")
        officer = consortium.officer(OFFICERS[0], self.passphrase)
        with (
            CentralClient(self.central_url, officer) as client,
            Registry(client.info().registry_url, client.registry_token) as registry,
        ):
            push_kernel(registry, built)
            if not known:
                consortium.add_image(built.image)
            step(f"{SIGNERS} officers sign the catalogue")
            self.sign()
            client.publish_roster(RosterBundle.model_validate(consortium.bundle()))

    def _roster_expires_soon(self) -> bool:
        signing = self.consortium.signing
        return signing is None or signing.expires < datetime.now(UTC) + timedelta(days=1)

    def sign(self) -> None:
        """Sign roster and catalogue with enough officers; `publish` publishes them."""
        self.consortium.sign(dict.fromkeys(OFFICERS[:SIGNERS], self.passphrase))

    def publish(self) -> None:
        """Publish at central what the officers have signed."""
        with CentralClient(self.central_url, None) as client:
            client.publish_roster(RosterBundle.model_validate(self.consortium.bundle()))

    def _found_station(self, station: str) -> Member:
        folder = StationFolder(self.station_folder(station))
        folder.create()
        settings = StationSettings(
            name=station,
            organisation=HOSPITALS.get(station, "The consortium"),
            central=self.central_url,
            twin=station == TWIN,
            aggregator=station == AGGREGATOR,
        )
        write_settings(folder, settings)
        folder.policy.write_text(ASKING_POLICY if station == TWIN else POLICY)
        identity = Identity.generate(station)
        write_key(folder.key, identity, self.passphrase, log_n=self.log_n)
        self._pin(folder.trust)
        if station != AGGREGATOR:
            self._give_data(station, folder)
        return Member(
            name=station,
            organisation=settings.organisation,
            roles=_ROLES.get(station, ("station",)),
            keys=identity.public,
        )

    def _give_data(self, station: str, folder: StationFolder) -> None:
        patients = self.directory / "patients" / station / "heart.csv"
        patients.parent.mkdir(parents=True)
        schema = share("notebooks/data/heart.toml").read_bytes()
        if station == TWIN:  # it holds made-up data only
            patients.write_bytes(
                make_twin(DataSetSchema.model_validate(tomllib.loads(schema.decode())))
            )
        else:
            write_patients(share("notebooks/data/heart_disease_uci.csv"), station, patients)
        add_dataset(folder, "heart", patients, schema)

    def _found_researcher(self) -> Member:
        identity = Identity.generate(RESEARCHER)
        profile = self.profile
        profile.key.parent.mkdir(parents=True, mode=0o700)
        write_key(profile.key, identity, self.passphrase, log_n=self.log_n)
        profile.save(self.researcher)
        self._pin(profile.trust)
        return Member(
            name=RESEARCHER,
            organisation="Institute of Federated Medicine",
            roles=("researcher",),
            keys=identity.public,
        )

    def _pin(self, trust: Path) -> None:
        with CentralClient(self.central_url, None) as client:
            place = Trust(trust, client.tuf_fetcher(), client.metadata_url, client.targets_url)
            place.pin(self.consortium.root)

    def _wait_for_stations(
        self, stations: Sequence[Service], known: Collection[str], since: datetime
    ) -> None:
        """Wait until each station takes offers; those not `known` have polled after `since`."""
        # Opening the researcher's key takes a second, and happens once per process.
        central = connect(self.profile, passphrase=self.passphrase).central

        def takes_offers(station: str) -> bool:
            views = [view for view in central.stations() if view.name == station and view.online]
            return any(
                station in known or (view.last_seen is not None and view.last_seen >= since)
                for view in views
            )

        for service in stations:
            service.wait_until(partial(takes_offers, service.name))

    def _ports(self) -> dict[str, int]:
        ports: dict[str, int] = json.loads((self.directory / "ports.json").read_text())
        return ports


@contextmanager
def running(world: World, step: Step) -> Iterator[World]:
    """Found `world` if needed, start it, and stop it on leaving."""
    try:
        if not world.founded:
            world.found(step)
        world.start(step)
        yield world
    finally:
        world.stop()


def _require_ours(directory: Path) -> None:
    if any(directory.iterdir()) and not any(directory.glob("world.*")):
        raise SettingsError(
            f"{directory} is not empty and not a demonstration's.",
            "Name another with --directory.",
            code="demo-folder",
        )


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
