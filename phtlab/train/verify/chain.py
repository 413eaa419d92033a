"""Verification of a sequential route: every stop before this one departed, in the signed order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from phtlab.errors import NotOnRosterError, OrderError, OrderStationError, RecordError
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.manifest import Train
from phtlab.train.documents.order import Order
from phtlab.train.documents.roster import Roster
from phtlab.train.verify.order import verify_order
from phtlab.train.verify.predicate import CLOCK_SKEW
from phtlab.train.verify.record import DepartedStop, require_received, verify_record

MAX_CONTINUED = 64
"""How many journeys a journey may continue, one after the other."""


@dataclass(frozen=True)
class SignedJourney:
    """An earlier journey as signed: its order, and its stops' records, in the route's order."""

    order: Envelope
    records: tuple[Envelope, ...]


def verify_turn(
    order: Order,
    *,
    journey: str,
    station: str,
    train: Train,
    roster: Roster,
    now: datetime,
    records: Sequence[Envelope],
    continued: Sequence[SignedJourney] = (),
) -> DepartedStop | None:
    """Verify that it is `station`'s turn; return the stop that hands on to it, if there is one.

    `order` is verified. `records` are those of the stops before `station` in this journey, in the
    order of the route. `continued` are the journeys that this one continues, the oldest first. On
    another than a sequential route it is every station's turn. The last record may not be of the
    future: a restored station compares its time with that of the restore.

    Raises OrderStationError (``order-turn``, ``order-ended``), OrderError (``order-continues``),
    RecordError (``record-future``), NotOnRosterError (``order-station-unknown``) for a stop at a
    station that has left, or what `verify_order` and `verify_record` raise.
    """
    if order.route != "sequential":
        return None
    earlier = verify_continuation(order, train=train, roster=roster, continued=continued)
    last = earlier[-1] if earlier else None
    number = order.stop_of(station)
    if len(records) != number:
        missing = order.stations[min(len(records), number - 1)] if number else order.stations[0]
        raise OrderStationError(
            f"It is not {station}'s turn: {len(records)} of the {number} stops before it have "
            f"departed; {missing} is among the others.",
            code="order-turn",
        )
    for before, envelope in zip(order.stations, records, strict=False):
        last = _departed(journey, order, envelope, before, roster, last)
    if last is not None and last.record.finished > now + CLOCK_SKEW:
        raise RecordError(
            f"The stop at {last.record.station} ended in the future, at "
            f"{last.record.finished:%Y-%m-%d %H:%M} UTC.",
            "Check the clocks of that station and of this one.",
            code="record-future",
        )
    return last


def verify_continuation(
    order: Order, *, train: Train, roster: Roster, continued: Sequence[SignedJourney]
) -> tuple[DepartedStop, ...]:
    """Verify the journeys that `order` continues; return their departed stops, the last one last.

    For the researcher and central, where it is no station's turn. Raises as `verify_turn`.
    """
    if len(continued) > MAX_CONTINUED:
        raise _mismatch(f"more than {MAX_CONTINUED} journeys came with it")
    orders = [
        verify_order(signed.order, roster, train=train, station=None, now=None, seen=frozenset())
        for signed in continued
    ]
    _require_links(order, [signed.order.digest for signed in continued], orders)
    departed: list[DepartedStop] = []
    followers = [*orders, order][1:]
    for signed, earlier, later in zip(continued, orders, followers, strict=True):
        if (later.parameters, later.recipients) != (earlier.parameters, earlier.recipients):
            raise _mismatch("its parameters or recipients are others than before")
        went = len(signed.records)
        if went >= len(earlier.stations) or later.stations != earlier.stations[went:]:
            raise _mismatch("its stations are not those that remained")
        for station, envelope in zip(earlier.stations, signed.records, strict=False):
            before = departed[-1] if departed else None
            departed.append(
                _departed(signed.order.digest, earlier, envelope, station, roster, before)
            )
        if (
            not departed
            or later.continues is None
            or later.continues.record != departed[-1].envelope.digest
        ):
            raise _mismatch("it continues after another stop than the last that departed")
    return tuple(departed)


def _require_links(order: Order, journeys: Sequence[str], orders: Sequence[Order]) -> None:
    """Each journey names the one before it, and the first names none."""
    chain = [*orders, order]
    if chain[0].continues is not None:
        raise _mismatch("a journey before it is missing")
    for journey, later in zip(journeys, chain[1:], strict=True):
        if later.continues is None or later.continues.journey != journey:
            raise _mismatch("it continues another journey than the one that came with it")


def _departed(
    journey: str,
    order: Order,
    envelope: Envelope,
    station: str,
    roster: Roster,
    before: DepartedStop | None,
) -> DepartedStop:
    record = verify_record(
        envelope,
        journey=journey,
        order=order,
        roster=roster,
        station=station,
        previous=before.envelope if before else None,
    )
    if record.outcome != "departed":
        raise OrderStationError(
            f"The journey ended at {station} ({record.outcome}): nothing is handed on from there.",
            code="order-ended",
        )
    if station not in {member.name for member in roster.stations}:
        raise NotOnRosterError(
            f"{station} is on this route and no longer on the roster of {roster.consortium} "
            f"(version {roster.version}): what it hands on is not used.",
            "Dispatch the train again without it.",
            code="order-station-unknown",
        )
    require_received(record, before)
    return DepartedStop(journey, order, envelope, record)


def _mismatch(why: str) -> OrderError:
    return OrderError(
        f"This order continues a journey, and {why}.",
        "Resume the journey again with lab.resume().",
        code="order-continues",
    )
