"""Stops: a station's progress, for display, and its signed record, which is final."""

from __future__ import annotations

from sqlalchemy.orm import Session

from phtlab.central.audit.log import audited
from phtlab.central.db.database import Change, Database
from phtlab.central.db.rows import envelope_of, stop_view
from phtlab.central.db.tables import EventRow, JourneyRow, StopRow
from phtlab.central.journeys.aggregators import cancel_uncombined
from phtlab.central.journeys.continuations import previous_record
from phtlab.central.journeys.events import happened
from phtlab.central.journeys.journeys import close, offer, visible_journey
from phtlab.central.journeys.trains import check_size
from phtlab.central.limits.quotas import require_room
from phtlab.central.notifications.outbox import at_station, notify
from phtlab.central.problems import forbidden, not_found
from phtlab.errors import RecordError
from phtlab.train.crypto.identity import Member
from phtlab.train.documents.envelope import Envelope, peek
from phtlab.train.documents.order import Order
from phtlab.train.documents.record import FINAL_STATES, StopRecord
from phtlab.train.documents.roster import Roster
from phtlab.train.verify import verify_record
from phtlab.wire.api.journeys import StopUpdate, StopView

MAX_RECORD_BYTES = 256 * 1024


def update_stop(
    database: Database,
    roster: Roster,
    member: Member,
    journey: str,
    station: str,
    update: StopUpdate,
    *,
    most: int,
) -> StopView:
    """Store a stop's progress, for display, up to `most` changes a day; not of a final stop.

    The answer is the stop as stored. Raises CentralError (``forbidden``) unless `member` is
    `station`, or (``quota``) above the daily limit, and RecordError for a final state, which only a
    record sets.
    """
    require_own(member, station)
    if update.state in FINAL_STATES:
        raise RecordError(
            f"A stop becomes {update.state} by the station's signed record, not by an update.",
            "Put the record.",
            code="final-needs-record",
        )
    with database.change() as change:
        row, stop = _stop(change, member, journey, station)
        shown_state = {
            "state": update.state,
            "code": _text(update.code, 64),
            "sentence": _text(update.sentence, 1000),
            "error": update.error.model_dump(mode="json") if update.error else None,
            "cell": update.cell,
            "cells": update.cells,
        }
        if not stop.final and any(
            getattr(stop, name) != value for name, value in shown_state.items()
        ):
            # Events count per journey, so the limit is that of all stops; a record has no limit.
            whole, own = most * len(row.stops), EventRow.journey_id == row.id
            require_room(change, whole, "changes of this journey's progress", EventRow.at, own)
            for name, value in shown_state.items():
                setattr(stop, name, value)
            happened(change, row, stop)
            if update.state == "held":
                waiting = at_station(roster, [station])
                notify(change, "train-waits", waiting, row.id, about=station)
        return stop_view(stop)


def put_record(
    database: Database,
    roster: Roster,
    member: Member,
    journey: str,
    station: str,
    envelope: Envelope,
) -> StopView:
    """Store the signed record of a stop, which makes the stop final.

    The same record again gives the same answer. Central stores a different record of a finished
    stop beside the first, as a sign that two stations run with one key. Raises RecordError or
    SignatureError if the record is invalid, RecordError (``record-exists``) for a different record
    of a finished stop, CentralError (``forbidden``) unless `member` is `station`.
    """
    require_own(member, station)
    check_size(envelope, MAX_RECORD_BYTES, "stop record")
    with database.read() as session:
        row = visible_journey(session, member, journey)
        stop = stop_of(row, station)
        if stop.record_digest == envelope.digest:
            return stop_view(stop)
        order = Order.model_validate(peek(envelope_of(row.order)).predicate)
        record = verify_record(
            envelope,
            journey=journey,
            order=order,
            roster=roster,
            station=station,
            previous=_previous(session, row, stop, order),
        )
    with database.change() as change:
        row, stop = _stop(change, member, journey, station)
        if stop.record_digest == envelope.digest:
            return stop_view(stop)
        if not stop.final:
            _finish(change, row, stop, record, envelope)
            return stop_view(stop)
        _contradict(change, roster, row, stop, envelope)
        state = stop.state
    raise RecordError(
        f"The stop at {station} is {state} already, and what is final stays. Central keeps the "
        "first record.",
        code="record-exists",
    )


def _contradict(
    change: Change, roster: Roster, journey: JourneyRow, stop: StopRow, envelope: Envelope
) -> None:
    """Store the first record that contradicts the stop's, and notify those concerned."""
    if stop.record is None or stop.conflict is not None:
        return
    stop.conflict = envelope.to_bytes().decode()
    audited(
        change,
        actor=stop.station,
        action="stop-recorded-twice",
        subject=journey.id,
        digest=envelope.digest,
    )
    recipients = [
        *(p.member for p in journey.parties if p.opens),
        *at_station(roster, [stop.station]),
    ]
    notify(change, "stop-contradicted", recipients, journey.id, about=stop.station)
    offer(change, journey, stop)


def _finish(
    change: Change, journey: JourneyRow, stop: StopRow, record: StopRecord, envelope: Envelope
) -> None:
    stop.state, stop.final = record.outcome, True
    stop.code, stop.sentence = _text(record.code, 64), _text(record.sentence, 1000)
    stop.error = record.error.model_dump(mode="json") if record.error else None
    stop.record, stop.record_digest = envelope.to_bytes().decode(), envelope.digest
    audited(
        change,
        actor=stop.station,
        action="stop-recorded",
        subject=journey.id,
        digest=envelope.digest,
        details={"outcome": record.outcome} | ({"code": record.code} if record.code else {}),
    )
    # The station's inbox is now one shorter, which may make room for another offer.
    offer(change, journey, stop)
    cancel_uncombined(change, journey, stop)
    if journey.route != "sequential":
        return
    later = [other for other in journey.stops if other.number > stop.number and not other.final]
    if record.outcome == "departed":
        for other in later[:1]:
            offer(change, journey, other)
        return
    for other in later:
        sentence = f"The train ended at {stop.station} ({record.outcome}) and did not come here."
        close(change, journey, other, "route-broken", sentence)


def _previous(
    session: Session, journey: JourneyRow, stop: StopRow, order: Order
) -> Envelope | None:
    """Return the record of the stop before `stop` on a sequential route. Raises RecordError."""
    if journey.route != "sequential":
        return None
    if stop.number == 0:
        return previous_record(session, order)
    text = journey.stops[stop.number - 1].record
    if text is None:
        raise RecordError(
            f"It is not {stop.station}'s turn: the stop before it has not departed.",
            code="record-order",
        )
    return envelope_of(text)


def require_own(member: Member, station: str) -> None:
    """Raise CentralError (``forbidden``) unless `member` is `station`, or such an aggregator."""
    if member.name != station or not member.has_stops:
        raise forbidden(f"Only the station {station} speaks for its stop, not {member.name}.")


def _stop(change: Change, member: Member, journey: str, station: str) -> tuple[JourneyRow, StopRow]:
    row = visible_journey(change.session, member, journey)
    return row, stop_of(row, station)


def stop_of(journey: JourneyRow, station: str) -> StopRow:
    """Return the stop at `station`. Raises CentralError (``not-found``)."""
    for stop in journey.stops:
        if stop.station == station:
            return stop
    raise not_found(f"The journey {journey.id} has no stop at {station}.")


def _text(text: str, length: int) -> str:
    """Return `text` without NUL (for PostgreSQL) and lone surrogates (for UTF-8), cut."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")[:length]
