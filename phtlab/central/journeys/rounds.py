"""Records of rounds: what each station computed, in the order in which the records arrive."""

from __future__ import annotations

import json
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session, undefer

from phtlab.central.audit.log import audited, note_contradiction
from phtlab.central.db.database import Change, Database
from phtlab.central.db.rows import envelope_of
from phtlab.central.db.tables import InstructionRow, JourneyRow, RoundRow, StopRow
from phtlab.central.journeys.events import rounds_changed
from phtlab.central.journeys.inline import inline_bytes, inline_json
from phtlab.central.journeys.journeys import visible_journey
from phtlab.central.journeys.stops import MAX_RECORD_BYTES, require_own, stop_of
from phtlab.central.journeys.trains import check_size
from phtlab.errors import RecordError
from phtlab.train.crypto.identity import Member
from phtlab.train.documents.envelope import Envelope, peek
from phtlab.train.documents.order import Order
from phtlab.train.documents.roster import Roster
from phtlab.train.documents.round import RoundRecord
from phtlab.train.verify import verify_round_record
from phtlab.wire.api.rounds import MAX_ROUNDS_OF_ANSWER, SentRound

ANSWER_BYTES: Final = 4 * 2**20
"""Most bytes of sealed content in one answer, unless the first record alone has more."""


def put_round(
    database: Database,
    roster: Roster,
    member: Member,
    journey: str,
    station: str,
    number: int,
    sent: SentRound,
) -> None:
    """Store the signed record of round `number` of a stop, and wake whoever combines.

    The same record again changes nothing. A station delivers its records while its stop goes on,
    also on a cancelled or expired journey: its stop record names the last of them. Raises what
    `verify_round_record` raises; RecordError: ``round-exists`` for another record of the round,
    ``round-number`` for a round without an instruction or before the last one, ``round-late`` for a
    final stop; CentralError: ``forbidden`` unless `member` is `station`, ``too-large``,
    ``inline-content``.
    """
    require_own(member, station)
    envelope = sent.record
    check_size(envelope, MAX_RECORD_BYTES, "record of a round")
    with database.read() as session:
        row = visible_journey(session, member, journey)
        stop_of(row, station)
        if _is_stored(session, journey, station, number, envelope):
            return
        record = _verified(session, roster, row, station, number, envelope)
    payload = inline_bytes(sent.update, record.update, "updates")
    with database.change() as change:
        row = visible_journey(change.session, member, journey)
        stop = stop_of(row, station)
        if _is_stored(change.session, journey, station, number, envelope):
            return
        contradicts = change.session.get(RoundRow, (journey, station, number)) is not None
        if contradicts:
            note_contradiction(
                change,
                actor=station,
                action="round-recorded-twice",
                subject=journey,
                digest=envelope.digest,
                round_number=number,
            )
        else:
            _require_next(stop, number)
            _add(change, row, stop, record, envelope, payload)
    if contradicts:
        raise RecordError(
            f"Central has another record of round {number} at {station}, and keeps the first.",
            "Two stations may run with one key: ask the station's operator.",
            code="round-exists",
        )


def rounds_json(
    session: Session,
    journey: str,
    after: int,
    *,
    opens: bool,
    over: bool,
    finishing: bool = False,
) -> str | None:
    """Return the `Rounds` after the cursor `after`; None if there are none and time is not `over`.

    An answer without records comes too if the journey is finishing, unless the client knows that
    (`finishing`). Updates are for members who may read them (`opens`). A cursor that is newer than
    all records is of another state of the database: then all records are new. Stored envelopes are
    inserted without parsing.
    """
    finish_requested = bool(
        session.scalar(select(JourneyRow.rounds_finishing).where(JourneyRow.id == journey))
    )
    newest = session.scalar(select(func.max(RoundRow.cursor)).where(RoundRow.journey_id == journey))
    if after > (newest or 0):
        after, over = 0, True
    of_journey = RoundRow.journey_id == journey, RoundRow.cursor > after
    query = select(RoundRow.cursor, RoundRow.size).where(*of_journey).order_by(RoundRow.cursor)
    cursor, room = after, ANSWER_BYTES
    for arrival, size in session.execute(query.limit(MAX_ROUNDS_OF_ANSWER)).all():
        if size > room and cursor > after:
            break
        cursor, room = arrival, room - size
    if cursor == after and not over and (finishing or not finish_requested):
        return None
    rows = select(RoundRow).where(*of_journey, RoundRow.cursor <= cursor).order_by(RoundRow.cursor)
    found = (
        f'{{"record":{row.envelope},"update":{inline_json(row.payload if opens else None)}}}'
        for row in session.scalars(rows.options(undefer(RoundRow.payload)) if opens else rows)
    )
    finishes = json.dumps(finish_requested)
    return f'{{"cursor":{cursor},"finishing":{finishes},"rounds":[{",".join(found)}]}}'


def order_of(journey: JourneyRow) -> Order:
    """Return the order of a journey, which was verified when central stored it."""
    return Order.model_validate(peek(envelope_of(journey.order)).predicate)


def _is_stored(
    session: Session, journey: str, station: str, number: int, envelope: Envelope
) -> bool:
    stored = session.get(RoundRow, (journey, station, number))
    return stored is not None and stored.digest == envelope.digest


def _verified(
    session: Session,
    roster: Roster,
    journey: JourneyRow,
    station: str,
    number: int,
    envelope: Envelope,
) -> RoundRecord:
    instruction = session.get(InstructionRow, (journey.id, number))
    ends = instruction is not None and instruction.ends
    if journey.round_number is None or ends or (number > 1 and instruction is None):
        raise RecordError(
            f"There is no round {number} of the journey {journey.id}: no instruction started it.",
            "Compute a round after central has its instruction.",
            code="round-number",
        )
    previous = session.scalars(
        select(RoundRow.digest)
        .where(
            RoundRow.journey_id == journey.id,
            RoundRow.station == station,
            RoundRow.number < number,
        )
        .order_by(RoundRow.number.desc())
        .limit(1)
    ).first()
    return verify_round_record(
        envelope,
        journey=journey.id,
        order=order_of(journey),
        roster=roster,
        station=station,
        number=number,
        instruction=instruction.digest if instruction else None,
        previous=previous,
    )


def _require_next(stop: StopRow, number: int) -> None:
    if stop.round_number is not None and number < stop.round_number:
        raise RecordError(
            f"{stop.station} delivered its record of round {stop.round_number} already; round "
            f"{number} is before it.",
            "Deliver records in the order of the rounds.",
            code="round-number",
        )
    if stop.final:
        raise RecordError(
            f"The stop at {stop.station} is {stop.state}: it has no more rounds.",
            "Deliver the records of rounds before the stop record.",
            code="round-late",
        )


def _add(
    change: Change,
    journey: JourneyRow,
    stop: StopRow,
    record: RoundRecord,
    envelope: Envelope,
    payload: bytes | None,
) -> None:
    stop.round_number = record.number
    audited(
        change,
        actor=stop.station,
        action="round-recorded",
        subject=journey.id,
        digest=envelope.digest,
        details={"round": str(record.number)},
    )
    change.session.add(
        RoundRow(
            journey_id=journey.id,
            station=stop.station,
            number=record.number,
            cursor=rounds_changed(change, journey, stop),
            digest=envelope.digest,
            submitted=change.now,
            envelope=envelope.to_bytes().decode(),
            size=len(payload or b""),
            payload=payload,
        )
    )
