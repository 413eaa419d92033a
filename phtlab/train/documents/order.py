"""The journey order: one trip of one train, signed by the researcher."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any, Final, Literal, Self

from pydantic import Field, model_validator

from phtlab.strict_model import SignedModel
from phtlab.train.canonical import Digest, canonical, digest
from phtlab.train.crypto.identity import Identity, MemberName, PublicKeys, Role
from phtlab.train.documents.envelope import Envelope, sign_statement
from phtlab.train.documents.manifest import Resources, Route
from phtlab.train.documents.moment import Moment

ORDER_TYPE = "https://phtlab.org/order/v2"
MAX_ROUNDS: Final = 10_000
MAX_READERS: Final = 64
"""As many as sealed content has recipients at most (`train.sealing`)."""


CargoKind = Literal["cargo", "next", "log"]
"""What sealed content is: a stop's results, what it hands on, or a released log."""


class Continuation(SignedModel):
    """The journey that an order continues, and the record of its last departed stop.

    The order's first station is the one after that stop, which has the cargo for it.
    """

    journey: Digest
    record: Digest


class OrderedRounds(SignedModel):
    """What an order says of rounds: the most of them, and who combines.

    `key` is the public key that signs the instructions of this journey alone; None where the
    aggregator signs them with its own keys. `quorum` is the fewest stations that a round needs,
    `deadline` how many seconds it waits for the others.
    """

    most: int = Field(ge=1, le=MAX_ROUNDS)
    aggregator: MemberName | None = None
    key: PublicKeys | None = None
    quorum: int = Field(ge=1, le=256)
    deadline: int = Field(ge=1, le=30 * 86_400)

    @model_validator(mode="after")
    def _require_one_signer(self) -> Self:
        if (self.aggregator is None) == (self.key is None):
            raise ValueError("either an aggregator or a key of the journey signs instructions")
        return self


class Order(SignedModel):
    """What one journey is. The journey's id is the digest of the signed statement.

    `proposal` is the digest of the version of the proposal that it is made under, if any.
    `continues` is set where it goes on after a stop of an earlier journey. `resources` lower what
    the train declares.
    """

    # NaN is kept as it is, so that signing refuses it; pydantic would sign null instead.
    train: Digest
    route: Route = "parallel"
    stations: tuple[MemberName, ...] = Field(min_length=1, max_length=256)
    parameters: dict[str, Any] = Field(default_factory=dict)
    recipients: tuple[MemberName, ...] = Field(min_length=1, max_length=MAX_READERS)
    proposal: Digest | None = None
    continues: Continuation | None = None
    rounds: OrderedRounds | None = None
    resources: Resources | None = None
    roster_version: int = Field(ge=1)
    nonce: str = Field(pattern=r"^[0-9a-f]{32}$")
    issued: Moment
    expires: Moment

    @classmethod
    def new(
        cls,
        train: str,
        stations: tuple[str, ...],
        parameters: dict[str, Any],
        recipients: tuple[str, ...],
        roster_version: int,
        *,
        now: datetime,
        lifetime: timedelta = timedelta(days=7),
        route: Route = "parallel",
        proposal: str | None = None,
        continues: Continuation | None = None,
        rounds: OrderedRounds | None = None,
    ) -> Order:
        issued = now.replace(microsecond=0)
        return cls(
            train=train,
            route=route,
            stations=stations,
            parameters=parameters,
            recipients=recipients,
            proposal=proposal,
            continues=continues,
            rounds=rounds,
            roster_version=roster_version,
            nonce=secrets.token_hex(16),
            issued=issued,
            expires=issued + lifetime,
        )

    def sign(self, identity: Identity) -> Envelope:
        return sign_statement(
            identity, ORDER_TYPE, {"train": self.train}, self.model_dump(mode="json")
        )

    @model_validator(mode="after")
    def _require_route(self) -> Self:
        if (self.rounds is not None) != (self.route == "rounds"):
            raise ValueError("rounds are declared on a route of rounds, and on no other")
        if self.rounds is not None and self.rounds.quorum > len(self.stations):
            raise ValueError("a round needs more stations than the journey has")
        if self.aggregator is not None and self.aggregator in self.stations:
            raise ValueError("an aggregator has no data: it is none of the journey's stations")
        if len(self.readers) > MAX_READERS:
            raise ValueError(f"at most {MAX_READERS} members read updates, the aggregator included")
        if self.continues is not None and self.route != "sequential":
            raise ValueError("only a sequential route can be continued")
        return self

    @property
    def aggregator(self) -> str | None:
        """The member that combines the rounds; None if the researcher's kernel does, or nobody."""
        return self.rounds.aggregator if self.rounds else None

    @property
    def stops(self) -> tuple[str, ...]:
        """The members at which the journey has a stop: its stations, then the aggregator."""
        return self.stations if self.aggregator is None else (*self.stations, self.aggregator)

    @property
    def readers(self) -> tuple[str, ...]:
        """The members that a round's updates are sealed to: recipients, then the aggregator."""
        if self.aggregator is None or self.aggregator in self.recipients:
            return self.recipients
        return (*self.recipients, self.aggregator)

    def role_at(self, station: str) -> Role:
        """The role with which `station` has its stop."""
        return "aggregator" if station == self.aggregator else "station"

    def stop_of(self, station: str) -> int:
        """The number, from 0, of the stop at `station`. Raises ValueError if it has none."""
        return self.stops.index(station)

    def next_after(self, station: str) -> str | None:
        """Return the station after `station` on a sequential route; None at its end."""
        number = self.stop_of(station) + 1
        last = self.route != "sequential" or number == len(self.stations)
        return None if last else self.stations[number]


def cargo_context(journey: str, order: Order, station: str, kind: CargoKind = "cargo") -> bytes:
    """What sealed content is bound to: the SHA-256 input of its context stanza.

    Content of one kind does not open as another. Both sides rebuild the context from the signed
    order; it is never read from the file.
    """
    return canonical(
        {
            "journey": journey,
            "train": order.train,
            "station": station,
            "stop": order.stop_of(station),
            "kind": kind,
            "roster_version": order.roster_version,
        }
    )


def context_digest(context: bytes) -> str:
    return digest(context)
