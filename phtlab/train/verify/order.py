"""Verification of an order: signed by a researcher, for this train, this station and this time."""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime, timedelta

from phtlab.errors import (
    NotOnRosterError,
    OrderError,
    OrderExpiredError,
    OrderReplayedError,
    OrderStationError,
    RosterStaleError,
)
from phtlab.train.crypto.identity import Member
from phtlab.train.documents.envelope import Envelope, open_statement
from phtlab.train.documents.manifest import Train
from phtlab.train.documents.order import ORDER_TYPE, Order
from phtlab.train.documents.roster import Roster
from phtlab.train.verify.predicate import (
    CLOCK_SKEW,
    read_predicate,
    require_role,
    require_signer_then,
)

# A station remembers its journeys for as long as an order could be sent again.
MAX_LIFETIME = timedelta(days=60)


def verify_order(
    envelope: Envelope,
    roster: Roster,
    *,
    train: Train,
    station: str | None,
    now: datetime | None,
    seen: Container[str],
) -> Order:
    """Return the order that a researcher of `roster` signed for a journey of `train`.

    `station` is the verifying station, which must be on the route; None for central or the
    researcher. `seen` holds the ids of the journeys already taken; a journey's id is
    `envelope.digest`. `now` is None to read a finished journey: then neither the times nor
    the present membership of signer, stations and recipients matter, only membership at signing.

    Raises NotOnRosterError (also ``order-station-unknown``, ``order-recipient-unknown``,
    ``order-aggregator``), SignatureError, RosterStaleError (``roster-behind``), OrderExpiredError,
    OrderReplayedError, OrderStationError, or OrderError with one of the codes
    ``order-role``, ``order-form``, ``order-train``, ``order-author``, ``order-route``,
    ``order-future``, ``order-lifetime``, ``order-recipients``, ``order-twice``.
    """
    signers = roster.members if now is not None else roster.signers(1)
    statement, signer = open_statement(envelope, ORDER_TYPE, signers)
    require_role(signer, "researcher", OrderError, "order-role", "send trains on journeys")
    order = read_predicate(
        Order, statement, OrderError("", code="order-form"), f"{signer.name}'s order"
    )
    require_signer_then(signer, order.roster_version, roster)
    if [(s.name, s.sha256) for s in statement.subject] != [("train", order.train)]:
        raise OrderError(
            f"This order of {signer.name} is signed about another train than it names.",
            "Dispatch it again.",
            code="order-form",
        )
    if order.train != train.digest:
        raise OrderError(
            f"This order is for the train {order.train}, not for {train.digest}.",
            "Central paired the wrong documents: tell its operator.",
            code="order-train",
        )
    if train.author != signer.name:
        # A colleague's statement about the same image may declare other outputs and bounds.
        raise OrderError(
            f"This order of {signer.name} comes with {train.author}'s statement about the train, "
            f"not with {signer.name}'s own.",
            "Central paired the wrong documents: tell its operator.",
            code="order-author",
        )
    if order.route != train.manifest.route:
        raise OrderError(
            f"This order sends '{train.manifest.name}' on a {order.route} route; its author made "
            f"it for a {train.manifest.route} one.",
            code="order-route",
        )
    _require_time(order, now)
    if order.roster_version > roster.version:
        raise RosterStaleError(
            f"This order was made with version {order.roster_version} of the roster; here is "
            f"version {roster.version}.",
            "Refresh the roster and try again.",
            code="roster-behind",
        )
    _require_distinct(order.stations, "station")
    _require_distinct(order.recipients, "recipient")
    if station is not None and station not in order.stops:
        raise OrderStationError(f"This order is for {', '.join(order.stops)}, not for {station}.")
    if now is not None:
        _require_stations(order, roster, station)
    _require_recipients(order, roster, signer, over=now is None)
    _require_aggregator(order, roster, over=now is None)
    if envelope.digest in seen:
        raise OrderReplayedError(
            f"The journey {envelope.digest} was taken before.",
            "An order is for one journey: dispatch the train again.",
        )
    return order


def _require_time(order: Order, now: datetime | None) -> None:
    if order.expires <= order.issued:
        raise OrderError(
            "This order expires before it was issued.",
            "Dispatch the train again.",
            code="order-lifetime",
        )
    if order.expires - order.issued > MAX_LIFETIME:
        raise OrderError(
            f"This order is valid for more than {MAX_LIFETIME.days} days.",
            "Dispatch the train with a shorter life.",
            code="order-lifetime",
        )
    if now is None:
        return
    if order.issued > now + CLOCK_SKEW:
        raise OrderError(
            f"This order was issued in the future, at {order.issued:%Y-%m-%d %H:%M} UTC.",
            "Check the clocks of the researcher's machine and of this one.",
            code="order-future",
        )
    if now >= order.expires:
        raise OrderExpiredError(
            f"This order expired at {order.expires:%Y-%m-%d %H:%M} UTC.",
            "Dispatch the train again.",
        )


def _require_stations(order: Order, roster: Roster, station: str | None) -> None:
    # On a parallel route a stop does not depend on other stations: if one of them leaves the
    # consortium, the journey goes on at the others.
    judged = (station,) if station and order.route == "parallel" else order.stations
    for name in judged:
        if name not in [member.name for member in roster.stations]:
            known = ", ".join(member.name for member in roster.stations) or "none"
            raise NotOnRosterError(
                f"There is no station '{name}' on the roster of {roster.consortium} (version "
                f"{roster.version}).",
                f"Its stations: {known}.",
                code="order-station-unknown",
            )


def _require_recipients(order: Order, roster: Roster, signer: Member, *, over: bool) -> None:
    members = roster.signers(order.roster_version) if over else roster.members
    names = [member.name for member in members]
    for name in order.recipients:
        if name not in names:
            raise NotOnRosterError(
                f"Results are to be sealed to '{name}', who is not on the roster of "
                f"{roster.consortium} (version {roster.version}).",
                "Dispatch the train again to members only.",
                code="order-recipient-unknown",
            )
    if signer.name not in order.recipients:
        raise OrderError(
            f"{signer.name} signed this order but is not among its recipients "
            f"({', '.join(order.recipients)}).",
            "Dispatch the train again.",
            code="order-recipients",
        )


def _require_aggregator(order: Order, roster: Roster, *, over: bool) -> None:
    name = order.rounds.aggregator if order.rounds else None
    if name is None:
        return
    members = roster.signers(order.roster_version) if over else roster.members
    if not any(member.name == name and "aggregator" in member.roles for member in members):
        raise NotOnRosterError(
            f"This order lets '{name}' combine its rounds, but the roster of {roster.consortium} "
            f"(version {roster.version}) has no aggregator of that name.",
            "Name an aggregator of the roster, or let the researcher's kernel combine.",
            code="order-aggregator",
        )


def _require_distinct(names: tuple[str, ...], what: str) -> None:
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise OrderError(
            f"This order names the {what} {', '.join(doubled)} twice.",
            "Dispatch the train again.",
            code="order-twice",
        )
