"""A small consortium with its central: members with keys, trains, orders and records to send."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import httpx

from phtlab.central.context import CentralContext
from phtlab.central.founding import Founded, init_central, pin
from phtlab.central.settings import CentralSettings
from phtlab.consortium.consortium import Consortium
from phtlab.train.canonical import digest
from phtlab.train.crypto.identity import Identity, Member, Role
from phtlab.train.documents.envelope import Envelope, peek
from phtlab.train.documents.manifest import (
    KernelRef,
    Output,
    OutputTarget,
    Received,
    Rounds,
    Route,
    TrainManifest,
)
from phtlab.train.documents.order import Order, cargo_context, context_digest
from phtlab.train.documents.record import Outcome, RecordedCargo, StopRecord
from phtlab.train.documents.roster import KernelImage
from phtlab.trust_store.repository import online_public_key
from phtlab.wire.api.journeys import JourneyView, RosterBundle
from phtlab.wire.authorities import authorities
from phtlab.wire.central.client import CentralClient
from phtlab.wire.central.token import audience_of, mint

OFFICERS = {"vera": "correct horse 1", "otto": "correct horse 2"}
ROLES: dict[str, tuple[Role, ...]] = {
    "ada": ("researcher",),
    "bob": ("researcher",),
    "ulm": ("station",),
    "mainz": ("station",),
    "jena": ("station",),
    "adder": ("aggregator",),
    "tally": ("aggregator",),
}
HANDED_ON = (Output(name="model", kind="model", to=OutputTarget.NEXT),)
KERNEL = KernelImage(
    name="python",
    language="python",
    kernelspec="python3",
    repository="kernels/python",
    digest=digest(b"kernel"),
    diff_ids=(digest(b"base"),),
)


@dataclass
class Founding:
    """A consortium that pinned one central's key, and the folder of that central."""

    central: Founded
    consortium: Consortium
    identities: dict[str, Identity]

    def bundle(self) -> RosterBundle:
        return RosterBundle.model_validate(self.consortium.bundle())

    def sign(self) -> RosterBundle:
        self.consortium.sign(OFFICERS)
        return self.bundle()


def found(folder: Path) -> Founding:
    from phtlab.central.context import read_online_key

    central = init_central(folder / "central", name="pht", listen="127.0.0.1:0")
    key = read_online_key(central.settings.online_key_file)
    consortium = Consortium.found(
        folder / "consortium",
        "pht",
        OFFICERS,
        online_key=online_public_key(key),
        log_n=4,
    )
    pin(central.directory, consortium.root)
    identities = {name: Identity.generate(name) for name in ROLES}
    for name, roles in ROLES.items():
        consortium.add_member(Member(name=name, roles=roles, keys=identities[name].public))
    consortium.add_image(KERNEL)
    consortium.sign(OFFICERS)
    for name, passphrase in OFFICERS.items():
        identities[name] = consortium.officer(name, passphrase)
    return Founding(central, consortium, identities)


@dataclass
class Clock:
    """A clock that tests set forward."""

    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class World:
    """A running central with its published roster, and everyone's keys."""

    url: str
    settings: CentralSettings
    services: CentralContext
    founding: Founding
    clock: Clock
    clients: list[CentralClient] = field(default_factory=list)
    http: httpx.Client = field(
        default_factory=lambda: httpx.Client(trust_env=False, timeout=30, verify=authorities())
    )

    def close(self) -> None:
        self.http.close()
        for client in self.clients:
            client.close()

    def identity(self, name: str) -> Identity:
        return self.founding.identities[name]

    def client(self, name: str | None, hub_token: str | None = None) -> CentralClient:
        identity = self.identity(name) if name else None
        client = CentralClient(self.url, identity, hub_token=hub_token)
        self.clients.append(client)
        return client

    def request(
        self,
        method: str,
        path: str,
        *,
        as_: str | None = None,
        hub_token: str | None = None,
        **options: object,
    ) -> httpx.Response:
        """One raw request, signed by a member's key or with a token of the hub."""
        headers = {"Content-Type": "application/json"} | dict(options.pop("headers", {}))  # type: ignore[call-overload]
        if as_ is not None:
            token = mint(self.identity(as_), audience_of("pht"), self.clock())
            headers["Authorization"] = f"Bearer {token}"
        if hub_token is not None:
            headers["Authorization"] = f"token {hub_token}"
        return self.http.request(method, f"{self.url}{path}", headers=headers, **options)  # type: ignore[arg-type]

    def train(
        self, author: str = "ada", name: str = "heart", route: Route = "parallel"
    ) -> Envelope:
        manifest = TrainManifest(
            name=name,
            kernel=KernelRef(name="python", language="python", digest=KERNEL.digest),
            parameters={"type": "object", "properties": {}, "additionalProperties": False},
            outputs=HANDED_ON if route == "sequential" else (),
            received=() if route == "parallel" else (Received(name="model"),),
            rounds=Rounds(cells=(1,), combine=(2,)) if route == "rounds" else None,
            datasets=("heart",),
            files=(),
        )
        image = digest(f"{author} {name} {route}".encode())
        return manifest.sign(self.identity(author), image, f"trains/{author}/{name}")

    def order(
        self,
        *stations: str,
        train: str | None = None,
        by: str = "ada",
        recipients: tuple[str, ...] = (),
        change: Callable[[Order], Order] = lambda order: order,
        route: Route = "parallel",
    ) -> Envelope:
        """A signed order for a train that is submitted already."""
        order = Order.new(
            train or digest(f"ada heart {route}".encode()),
            stations or ("ulm", "mainz"),
            {},
            (by, *recipients),
            1,
            route=route,
            now=self.clock(),
        )
        return change(order).sign(self.identity(by))

    def journey(
        self, *stations: str, route: Route = "parallel", recipients: tuple[str, ...] = ()
    ) -> JourneyView:
        """A journey of a new train, submitted by ada."""
        ada = self.client("ada")
        ada.submit_train(self.train(route=route))
        return ada.submit_journey(self.order(*stations, route=route, recipients=recipients))

    def record(
        self,
        journey: JourneyView,
        station: str,
        outcome: Outcome = "departed",
        *,
        by: str | None = None,
        previous: Envelope | None = None,
        cargo: str = digest(b"sealed"),
    ) -> Envelope:
        """The signed record of a stop, which received the cargo of the one before."""
        order = order_of(journey.order)
        departed = outcome == "departed"
        kind: Literal["cargo", "next"] = "next" if order.next_after(station) else "cargo"
        context = context_digest(cargo_context(journey.id, order, station, kind))
        sent = RecordedCargo(kind=kind, digest=cargo, size=6, context=context)
        before = StopRecord.model_validate(peek(previous).predicate) if previous else None
        received = before.cargo_of("next") if before and departed else None
        record = StopRecord(
            journey=journey.id,
            train=journey.train,
            station=station,
            stop=order.stop_of(station),
            previous=previous.digest if previous else None,
            outcome=outcome,
            code="" if departed else "cell-failed",
            sentence="" if departed else "Cell 3 failed.",
            received=received.digest if received else None,
            cargos=(sent,) if departed else (),
            roster_version=order.roster_version,
            started=self.clock(),
            finished=self.clock(),
        )
        return record.sign(self.identity(by or station))


def order_of(envelope: Envelope) -> Order:
    from phtlab.train.documents.envelope import peek

    return Order.model_validate(peek(envelope).predicate)
