"""A consortium, its central and its members, in memory and in a temporary folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tuf.api.exceptions import DownloadError, DownloadHTTPError
from tuf.ngclient import FetcherInterface

from phtlab.consortium.consortium import Consortium
from phtlab.train.crypto.identity import Identity, Member, Role
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.manifest import (
    KernelRef,
    Output,
    OutputTarget,
    Received,
    Rounds,
    TrainManifest,
)
from phtlab.train.documents.order import Order, cargo_context, context_digest
from phtlab.train.documents.record import RecordedCargo, StopRecord
from phtlab.train.documents.roster import Roster
from phtlab.trust_store.publication import accept_bundle, pin_root, renew_timestamp, sign_online
from phtlab.trust_store.repository import Lifetimes, online_public_key
from phtlab.trust_store.trust import Trust

METADATA_URL = "https://central.test/metadata/"
TARGETS_URL = "https://central.test/targets/"
OFFICERS = {"vera": "correct horse 1", "otto": "correct horse 2", "lena": "correct horse 3"}


def member(identity: Identity, *roles: Role) -> Member:
    return Member(name=identity.name, roles=roles or ("researcher",), keys=identity.public)


class Central(FetcherInterface):
    """What central serves, as bytes by name; a test may change it, as a hostile one would."""

    def __init__(self, root: bytes, key: Ed25519PrivateKey) -> None:
        self.key = key
        self.metadata: dict[str, bytes] = pin_root(root)
        self.targets: dict[str, bytes] = {}
        self.down = False
        self.status: int | None = None
        self.asked: list[str] = []

    def publish(self, consortium: Consortium, now: datetime | None = None) -> None:
        moment = now or datetime.now(UTC)
        accepted = accept_bundle(self.metadata, consortium.bundle(now=moment), moment)
        signed = sign_online(accepted, self.key, moment)
        self.targets.update(accepted.targets)
        self.metadata.update({**accepted.metadata, **signed})

    def renew(self, now: datetime | None = None) -> dict[str, bytes]:
        new = renew_timestamp(self.metadata, self.key, now or datetime.now(UTC))
        self.metadata.update(new)
        return new

    def _fetch(self, url: str) -> Iterator[bytes]:
        self.asked.append(url)
        if self.down:
            raise DownloadError("connection refused")
        if self.status is not None:
            raise DownloadHTTPError("no", self.status)
        files, prefix = (
            (self.metadata, METADATA_URL)
            if url.startswith(METADATA_URL)
            else (self.targets, TARGETS_URL)
        )
        name = url.removeprefix(prefix)
        if name not in files:
            raise DownloadHTTPError(f"no {name}", 404)
        return iter([files[name]])


@dataclass
class World:
    """A founded consortium whose central publishes, and a place where its root is pinned."""

    consortium: Consortium
    central: Central
    trust: Trust
    folder: Path
    members: dict[str, Identity] = field(default_factory=dict)

    def trust_in(self, name: str) -> Trust:
        trust = Trust(self.folder / name, self.central, METADATA_URL, TARGETS_URL)
        trust.pin(self.consortium.root)
        return trust

    def sign(self, now: datetime | None = None) -> None:
        self.consortium.sign({k: OFFICERS[k] for k in ("vera", "otto")}, now=now)

    def publish(self, now: datetime | None = None) -> None:
        self.sign(now)
        self.central.publish(self.consortium, now)

    def join(self, name: str, *roles: Role) -> Identity:
        identity = Identity.generate(name)
        self.members[name] = identity
        self.consortium.add_member(member(identity, *roles))
        return identity


@pytest.fixture
def found(tmp_path: Path) -> Callable[..., World]:
    def make(**changes: object) -> World:
        key = Ed25519PrivateKey.generate()
        settings: dict[str, object] = {
            "threshold": 2,
            "online_key": online_public_key(key),
            "lifetimes": Lifetimes(targets=timedelta(days=7)),
            "log_n": 8,
            **changes,
        }
        consortium = Consortium.found(tmp_path / "consortium", "hearts", OFFICERS, **settings)  # type: ignore[arg-type]
        central = Central(consortium.root, key)
        trust = Trust(tmp_path / "trust", central, METADATA_URL, TARGETS_URL)
        trust.pin(consortium.root)
        return World(consortium, central, trust, tmp_path)

    return make


@pytest.fixture
def world(found: Callable[..., World]) -> World:
    return found()


@pytest.fixture(scope="session")
def people() -> dict[str, Identity]:
    names = ("mara", "nils", "cleveland", "zurich", "adder", "mallory")
    return {name: Identity.generate(name) for name in names}


@pytest.fixture
def roster(people: dict[str, Identity]) -> Roster:
    """Two researchers and two stations. Mallory is not on it."""
    return Roster(
        consortium="hearts",
        version=4,
        members=(
            member(people["mara"], "researcher"),
            member(people["nils"], "researcher"),
            member(people["cleveland"], "station"),
            member(people["zurich"], "station"),
        ),
    )


IMAGE = "sha256:" + "a" * 64
OTHER = "sha256:" + "d" * 64
HANDED_ON = (Output(name="model", kind="model", to=OutputTarget.NEXT),)
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@dataclass
class Documents:
    """Signs trains, orders and records of the people; a test changes what it wants to try."""

    people: dict[str, Identity]

    def train(
        self,
        author: str = "mara",
        *,
        repository: str | None = None,
        image: str = IMAGE,
        route: str = "parallel",
    ) -> Envelope:
        manifest = TrainManifest(
            name="heart",
            kernel=KernelRef(name="python", language="python", digest="sha256:" + "b" * 64),
            parameters={"type": "object"},
            rounds=Rounds(cells=(1,), combine=(2,)) if route == "rounds" else None,
            outputs=HANDED_ON if route == "sequential" else (),
            received=(Received(name="model"),) if route == "sequential" else (),
            datasets=("heart",),
            files=(),
        )
        return manifest.sign(self.people[author], image, repository or f"trains/{author}/heart")

    def order(self, signer: str = "mara", **changes: object) -> Envelope:
        return self.order_value(**changes).sign(self.people[signer])

    def order_value(self, **changes: object) -> Order:
        made = Order.new(IMAGE, ("cleveland", "zurich"), {"min_age": 40}, ("mara",), 4, now=NOW)
        return Order.model_validate(made.model_dump() | changes)

    def record(
        self,
        journey: str,
        order: Order,
        station: str = "cleveland",
        /,
        *,
        signer: str | None = None,
        **changes: object,
    ) -> Envelope:
        departed = StopRecord(
            journey=journey,
            train=order.train,
            station=station,
            stop=order.stop_of(station) if station in order.stations else 0,
            outcome="departed",
            cargos=(self.cargo(journey, order, station),),
            roster_version=4,
            started=NOW + timedelta(minutes=1),
            finished=NOW + timedelta(minutes=2),
        )
        record = StopRecord.model_validate(departed.model_dump() | changes)
        return record.sign(self.people[signer or station])

    def cargo(
        self, journey: str, order: Order, station: str = "cleveland", **changes: object
    ) -> RecordedCargo:
        """What a stop sends: to the next station of a sequential route, else to the recipients."""
        known = station in order.stations
        kind: Literal["cargo", "next"] = "next" if known and order.next_after(station) else "cargo"
        context = context_digest(cargo_context(journey, order, station, kind)) if known else OTHER
        made = RecordedCargo(kind=kind, digest="sha256:" + "c" * 64, size=1000, context=context)
        return RecordedCargo.model_validate(made.model_dump() | changes)


@pytest.fixture
def documents(people: dict[str, Identity]) -> Documents:
    return Documents(people)


@pytest.fixture
def now() -> datetime:
    return NOW + timedelta(minutes=3)
