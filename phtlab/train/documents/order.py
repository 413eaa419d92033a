"""The journey order: one trip of one train, signed by the researcher."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from phtlab.train.canonical import Digest, canonical, digest
from phtlab.train.crypto.identity import Identity, MemberName
from phtlab.train.documents.envelope import Envelope, sign_statement
from phtlab.train.documents.manifest import Route
from phtlab.train.documents.moment import Moment

ORDER_TYPE = "https://phtlab.org/order/v1"


class Order(BaseModel):
    """The terms of one journey. The journey's id is the digest of the signed statement.

    `proposal` is the digest of the version of the proposal that the journey is under, if any.
    """

    # Keeps NaN, so that signing refuses it; pydantic would write null, and phtlab sign that.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    train: Digest
    route: Route = "parallel"
    stations: tuple[MemberName, ...] = Field(min_length=1, max_length=256)
    parameters: dict[str, Any] = Field(default_factory=dict)
    recipients: tuple[MemberName, ...] = Field(min_length=1, max_length=64)
    proposal: Digest | None = None
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
    ) -> Order:
        issued = now.replace(microsecond=0)
        return cls(
            train=train,
            route=route,
            stations=stations,
            parameters=parameters,
            recipients=recipients,
            proposal=proposal,
            roster_version=roster_version,
            nonce=secrets.token_hex(16),
            issued=issued,
            expires=issued + lifetime,
        )

    def sign(self, identity: Identity) -> Envelope:
        return sign_statement(
            identity, ORDER_TYPE, {"train": self.train}, self.model_dump(mode="json")
        )

    def stop_of(self, station: str) -> int:
        """Return the number, from 0, of `station` on the route. Raises ValueError if absent."""
        return self.stations.index(station)


def cargo_context(journey: str, order: Order, station: str) -> bytes:
    """Return the context that cargo is bound to: the SHA-256 input of its context stanza.

    Both sides compute it from the signed order and never read it from the file.
    """
    return _context(journey, order, station, "cargo")


def log_context(journey: str, order: Order, station: str) -> bytes:
    """Return the context of a released log, like `cargo_context`: neither opens as the other."""
    return _context(journey, order, station, "log")


def _context(journey: str, order: Order, station: str, kind: str) -> bytes:
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
