"""Verification of stop records: signed by their station, and linked to the stop before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

from pydantic import BaseModel

from phtlab.errors import RecordError, RosterStaleError
from phtlab.train.crypto.identity import Member
from phtlab.train.documents.envelope import Envelope, Statement, open_statement
from phtlab.train.documents.order import Order, cargo_context, context_digest
from phtlab.train.documents.record import RECORD_TYPE, StopRecord
from phtlab.train.documents.roster import Roster
from phtlab.train.verify.predicate import (
    CLOCK_SKEW,
    read_predicate,
    require_role,
    require_signer_then,
)

_Record = TypeVar("_Record", bound=BaseModel)


@dataclass(frozen=True)
class DepartedStop:
    """A verified stop of a route: its journey and order, its signed record, and what that says."""

    journey: str
    order: Order
    envelope: Envelope
    record: StopRecord


def verify_record(
    envelope: Envelope,
    *,
    journey: str,
    order: Order,
    roster: Roster,
    station: str,
    previous: Envelope | None,
) -> StopRecord:
    """Verify the stop record of `station` for `journey`, whose verified order is `order`.

    `previous` is the record of the stop before on a sequential route, which this one
    must name; None otherwise. Raises NotOnRosterError, SignatureError,
    RosterStaleError (``roster-behind``), or RecordError with one of the codes
    ``record-signer``, ``record-role``, ``record-form``, ``record-station``,
    ``record-journey``, ``record-train``, ``record-stop``, ``record-chain``,
    ``record-cargo``, ``record-context``, ``record-time``, ``record-roster``. Records of a station
    that has left or rotated its keys stay valid (`Roster.former`).
    """
    record = open_record(envelope, journey=journey, order=order, roster=roster, station=station)
    expected = None if previous is None else previous.digest
    follows = record.stop > 0 or order.continues is not None
    if order.route == "sequential" and follows and expected is None:
        raise RecordError(
            f"The record of stop {record.stop} at {station} follows no record of the stop before: "
            "one is missing.",
            "Ask central's operator for it.",
            code="record-chain",
        )
    if record.previous != expected:
        raise RecordError(
            f"The record of {station} follows {record.previous or 'no record'}; "
            f"{expected or 'none'} was expected.",
            "A stop was dropped, repeated or put in between: do not use these results.",
            code="record-chain",
        )
    return record


def verify_records(
    records: Mapping[str, Envelope],
    *,
    journey: str,
    order: Order,
    roster: Roster,
    before: DepartedStop | None = None,
) -> dict[str, StopRecord]:
    """Verify all records of a journey; return them by station, in the order of the route.

    `before` is the stop that a continuing journey follows. On a sequential route, a missing
    record is an error. Raises as `verify_record`, ``record-station`` for a record of a station
    that is not on the route, and ``record-chain`` for a stop that departed after one that did not.
    """
    for station in records:
        require_on_route(order, station)
    verified: dict[str, StopRecord] = {}
    for station in order.stops:
        envelope = records.get(station)
        if envelope is not None:
            verified[station] = verify_record(
                envelope,
                journey=journey,
                order=order,
                roster=roster,
                station=station,
                previous=before.envelope if before else None,
            )
            if verified[station].outcome == "departed":
                _require_departed(before, station)
                require_received(verified[station], before)
        if order.route == "sequential":
            before = None
            if envelope is not None:
                before = DepartedStop(journey, order, envelope, verified[station])
    return verified


def _require_departed(before: DepartedStop | None, station: str) -> None:
    """Require that the stop before one that departed did so too: it ends a sequential journey."""
    if before is not None and before.record.outcome != "departed":
        raise RecordError(
            f"The record of {station} follows {before.record.station}, where the journey ended "
            f"({before.record.outcome}).",
            "Nothing is handed on from there: do not use these results.",
            code="record-chain",
        )


def require_received(record: StopRecord, before: DepartedStop | None) -> None:
    """Require that a departed stop received what the stop `before` handed on.

    Raises RecordError (``record-received``).
    """
    handed_on = before.record.cargo_of("next") if before else None
    if record.received != (handed_on.digest if handed_on else None):
        raise RecordError(
            f"{record.station} received other cargo than the stop before it handed on.",
            "Do not use these results; tell an officer.",
            code="record-received",
        )


def verify_contradiction(
    records: tuple[Envelope, Envelope], *, journey: str, order: Order, roster: Roster, station: str
) -> tuple[StopRecord, StopRecord]:
    """Verify two different records of one stop by `station`: its key is in use in two places.

    Raises as `open_record` for either, and RecordError (``record-same``) if both are the same.
    """
    first, other = (
        open_record(envelope, journey=journey, order=order, roster=roster, station=station)
        for envelope in records
    )
    if records[0].digest == records[1].digest:
        raise RecordError(
            f"Both records of {station} are the same: there is no contradiction.",
            code="record-same",
        )
    return first, other


def open_record(
    envelope: Envelope, *, journey: str, order: Order, roster: Roster, station: str
) -> StopRecord:
    """Verify a record, except that it follows the record of the stop before."""
    statement, signer, record = open_of_station(
        envelope, RECORD_TYPE, StopRecord, station, order, roster, ("the stop", "stop records")
    )
    require_fields(
        station,
        ("record-station", "station", record.station, station),
        ("record-journey", "journey", record.journey, journey),
        ("record-train", "train", record.train, order.train),
        ("record-stop", "stop", record.stop, order.stop_of(station)),
    )
    require_signer_then(signer, record.roster_version, roster)
    _require_cargos(record, statement, journey, order, station)
    require_known_roster(station, record.roster_version, roster)
    # A station may refuse because of an old roster or a wrong clock.
    if record.outcome in ("departed", "failed"):
        began = record.started or record.finished
        require_ran_under(order, station, record.roster_version, began, record.finished)
    return record


def open_of_station(
    envelope: Envelope,
    predicate_type: str,
    model: type[_Record],
    station: str,
    order: Order,
    roster: Roster,
    what: tuple[str, str],
) -> tuple[Statement, Member, _Record]:
    """Read a record that `station` of the route signed; `what` is what of, and such records' name.

    The aggregator of an order has a stop too.

    Raises SignatureError, NotOnRosterError, or RecordError (``record-station``, ``record-signer``,
    ``record-role``, ``record-form``).
    """
    require_on_route(order, station)
    # Includes keys that were rotated and stations that have left: see Roster.former.
    signers = roster.signers(order.roster_version)
    statement, signer = open_statement(envelope, predicate_type, signers)
    if signer.name != station:
        raise RecordError(
            f"This record of {what[0]} at {station} is signed by {signer.name}.",
            f"Only {station} may say what happened there: do not use it, and tell an officer.",
            code="record-signer",
        )
    require_role(signer, order.role_at(station), RecordError, "record-role", f"sign {what[1]}")
    record = read_predicate(
        model, statement, RecordError("", code="record-form"), f"{station}'s record"
    )
    return statement, signer, record


def require_fields(station: str, *expected: tuple[str, str, object, object]) -> None:
    """Require of each code and field what was found to be what is right. Raises RecordError."""
    for code, what, found, right in expected:
        if found != right:
            raise RecordError(
                f"This record of {station} is of {what} {found}, not of {right}.",
                "It belongs elsewhere: do not use it.",
                code=code,
            )


def require_on_route(order: Order, station: str) -> None:
    """Require that `station` has a stop. Raises RecordError (``record-station``)."""
    if station not in order.stops:
        raise RecordError(
            f"There is a record of {station}, which is not on this journey's route "
            f"({', '.join(order.stops)}): do not use it.",
            code="record-station",
        )


def _require_cargos(
    record: StopRecord, statement: Statement, journey: str, order: Order, station: str
) -> None:
    departed = record.outcome == "departed"
    kinds = [cargo.kind for cargo in record.cargos]
    if len(set(kinds)) != len(kinds) or (kinds and not departed):
        raise RecordError(
            f"{station}'s record says '{record.outcome}' and names cargo that does not go with it.",
            "Ask the station to look into it.",
            code="record-cargo",
        )
    if departed and missing_cargo(record, order, station):
        raise RecordError(
            f"{station}'s record says 'departed' and names no "
            f"{'rounds' if order.route == 'rounds' else 'cargo'}"
            f"{' for the next station' if order.next_after(station) else ''}.",
            "Ask the station to look into it.",
            code="record-cargo",
        )
    if "next" in kinds and order.next_after(station) is None:
        raise RecordError(
            f"{station}'s record names cargo for a next station, and none comes after it.",
            "Do not use it; tell an officer.",
            code="record-cargo",
        )
    if departed == bool(record.code):
        raise RecordError(
            f"{station}'s record says '{record.outcome}' with the code '{record.code}': a departed "
            "stop has none, any other has one.",
            code="record-form",
        )
    about = list(record.subject.items())
    if [(s.name, s.sha256) for s in statement.subject] != about:
        raise RecordError(
            f"{station}'s record is signed about something else than it names.", code="record-form"
        )
    for cargo in record.cargos:
        if cargo.context != context_digest(cargo_context(journey, order, station, cargo.kind)):
            raise RecordError(
                f"The cargo in {station}'s record is bound to another journey, stop or roster.",
                code="record-context",
            )


def missing_cargo(record: StopRecord, order: Order, station: str) -> bool:
    """Whether a departed stop lacks what its place on the route requires.

    A stop before the last of a sequential route hands something on. One of rounds says how many it
    computed: its results left with each. Any other has results.
    """
    if order.route == "rounds":
        return record.rounds is None
    kind: Literal["cargo", "next"] = "next" if order.next_after(station) else "cargo"
    return record.cargo_of(kind) is None


def require_known_roster(station: str, version: int, roster: Roster) -> None:
    """Require that `station` knows no newer roster than this one (``roster-behind``)."""
    if version > roster.version:
        raise RosterStaleError(
            f"{station} knows version {version} of the roster; here is version {roster.version}.",
            "Refresh it; if that does not help, central holds the newest one back.",
            code="roster-behind",
        )


def require_ran_under(
    order: Order, station: str, version: int, began: datetime, finished: datetime
) -> None:
    """Require the order's roster or a newer one, and times that can be, of what `station` ran.

    Raises RecordError (``record-roster``, ``record-time``).
    """
    if version < order.roster_version:
        raise RecordError(
            f"{station} ran this with version {version} of the roster, older than the order's "
            f"{order.roster_version}: it should have refused.",
            "Tell its operator.",
            code="record-roster",
        )
    if finished < began or began < order.issued - CLOCK_SKEW:
        raise RecordError(
            f"The times in {station}'s record cannot be: it ended before it began, or began "
            "before the order was signed.",
            "Ask the station to check its clock.",
            code="record-time",
        )
