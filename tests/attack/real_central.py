"""A real central with its members, and a station at it: only sandbox and registry are made up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from phtlab.central.context import CentralContext, read_online_key
from phtlab.central.founding import Founded, init_central, pin
from phtlab.central.server import serving
from phtlab.consortium.consortium import Consortium
from phtlab.lab import Lab
from phtlab.lab.session.session import Session
from phtlab.train.documents.roster import Roster
from phtlab.trust_store.repository import online_public_key
from phtlab.trust_store.trust import Trust
from phtlab.wire.api.journeys import RosterBundle
from phtlab.wire.central.client import CentralClient
from tests.central.world import OFFICERS
from tests.station.station_world import KERNEL, World, identity, make_world, member


@dataclass
class Consort:
    """A central with its roster published, and `ada`'s lab there."""

    url: str
    lab: Lab
    roster: Roster
    services: CentralContext
    closing: ExitStack

    def limit(self, **settings: int) -> None:
        """Change settings of the central that runs."""
        changed = self.services.settings.model_copy(update=settings)
        object.__setattr__(self.services, "settings", changed)

    def client(self, name: str) -> CentralClient:
        return self.closing.enter_context(CentralClient(self.url, identity(name)))


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Founded, Consortium]:
    return found(tmp_path_factory.mktemp("consortium"), "cleveland")


def found(place: Path, *stations: str) -> tuple[Founded, Consortium]:
    """A central, and a consortium of two researchers and `stations`."""
    central = init_central(place / "central", name="hearts", listen="127.0.0.1:0")
    key = read_online_key(central.settings.online_key_file)
    consortium = Consortium.found(
        place / "consortium", "hearts", OFFICERS, online_key=online_public_key(key), log_n=4
    )
    pin(central.directory, consortium.root)
    for one in (
        member("ada", "researcher"),
        member("bob", "researcher"),
        *(member(name, "station") for name in stations),
    ):
        consortium.add_member(one)
    consortium.add_image(KERNEL)
    consortium.sign(OFFICERS)
    return central, consortium


@pytest.fixture
def consort(founded: tuple[Founded, Consortium], tmp_path: Path) -> Iterator[Consort]:
    with consort_of(founded, tmp_path) as made:
        yield made


@contextmanager
def consort_of(
    founded: tuple[Founded, Consortium], tmp_path: Path, **changes: Any
) -> Iterator[Consort]:
    """A central of its own with its roster published; `changes` are settings."""
    central, consortium = founded
    changes = {"database": f"sqlite:///{tmp_path / 'db'}", **changes}
    settings = central.settings.model_copy(update=changes)
    services = CentralContext.of(settings)
    with (
        serving(settings, services) as url,
        CentralClient(url, identity("ada")) as ada,
        ExitStack() as closing,
    ):
        ada.publish_roster(RosterBundle.model_validate(consortium.bundle()))
        place = tmp_path / "trust"
        place.mkdir()
        trust = Trust(place, ada.tuf_fetcher(), ada.metadata_url, ada.targets_url)
        trust.pin(consortium.root)
        yield Consort(
            url, Lab(Session(identity("ada"), ada, trust)), consortium.roster, services, closing
        )


def connected(world: World, consort: Consort) -> World:
    """`world` with the real central in the place of the one in memory."""
    world.roster = consort.roster
    world.central = cast(Any, consort.client("cleveland"))
    return world


@pytest.fixture
def lone_station(consort: Consort, tmp_path: Path) -> World:
    world = connected(make_world(tmp_path / "first", inbox_wait=1), consort)
    world.add_hearts()
    return world
