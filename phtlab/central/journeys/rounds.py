"""Records of rounds: what each station computed, in the order in which the records arrive."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from sqlalchemy import BigInteger, Connection, bindparam, func, select
from sqlalchemy.orm import Session

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
_OF_JOURNEY: Final = RoundRow.journey_id == bindparam("journey")
_LATER: Final = RoundRow.cursor > bindparam("after", type_=BigInteger)
_IN_ANSWER: Final = (_OF_JOURNEY, _LATER, RoundRow.cursor <= bindparam("last", type_=BigInteger))
# Built once: each round executes them several times.
_FINISHING: Final = select(JourneyRow.rounds_finishing).where(JourneyRow.id == bindparam("journey"))
_NEWEST: Final = select(func.max(RoundRow.cursor)).where(_OF_JOURNEY)
_SIZES: Final = (
    select(RoundRow.cursor, RoundRow.size)
    .where(_OF_JOURNEY, _LATER)
    .order_by(RoundRow.cursor)
    .limit(MAX_ROUNDS_OF_ANSWER)
)
_RECORDS: Final = select(RoundRow.envelope).where(*_IN_ANSWER).order_by(RoundRow.cursor)
_WITH_UPDATES: Final = _RECORDS.add_columns(RoundRow.payload)
_PREVIOUS: Final = (
    select(RoundRow.digest)
    .where(
        _OF_JOURNEY,
        RoundRow.station == bindparam("station"),
        RoundRow.number < bindparam("number", type_=BigInteger),
    )
    .order_by(RoundRow.number.desc())
    .limit(1)
)


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
    with database.change() as change:
        row = visible_journey(change.session, member, journey)
        stop = stop_of(row, station)
        stored = change.session.get(RoundRow, (journey, station, number))
        if stored is not None and stored.digest == envelope.digest:
            return
        # In the transaction: a record takes a millisecond to verify, and another one to read again
        # what it was verified against.
        record = _verified(change.session, roster, row, station, number, envelope)
        payload = inline_bytes(sent.update, record.update, "updates")
        if stored is not None:
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
    if stored is not None:
        raise RecordError(
            f"Central has another record of round {number} at {station}, and keeps the first.",
            "Two stations may run with one key: ask the station's operator.",
            code="round-exists",
        )


def rounds_json(
    connection: Connection,
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
    query = {"journey": journey}
    finish_requested = bool(connection.scalar(_FINISHING, query))
    new = connection.execute(_SIZES, query | {"after": after}).all()
    if not new and after > (connection.scalar(_NEWEST, query) or 0):
        after, over = 0, True
        new = connection.execute(_SIZES, query | {"after": after}).all()
    cursor = last_that_fits(((arrival, size) for arrival, size in new), after)
    if cursor == after and not over and (finishing or not finish_requested):
        return None
    rows = connection.execute(
        _WITH_UPDATES if opens else _RECORDS, query | {"after": after, "last": cursor}
    )
    found = (
        f'{{"record":{row.envelope},"update":{inline_json(row.payload if opens else None)}}}'
        for row in rows
    )
    finishes = json.dumps(finish_requested)
    return f'{{"cursor":{cursor},"finishing":{finishes},"rounds":[{",".join(found)}]}}'


def last_that_fits(sizes: Iterable[tuple[int, int]], after: int) -> int:
    """Return the last of the numbered `sizes` that fit an answer together; `after` without any.

    The first always fits.
    """
    last, room = after, ANSWER_BYTES
    for number, size in sizes:
        if size > room and last > after:
            break
        last, room = number, room - size
    return last


@lru_cache(maxsize=256)
def _order_in(envelope: str) -> Order:
    return Order.model_validate(peek(envelope_of(envelope)).predicate)


def order_of(journey: JourneyRow) -> Order:
    """Return the order of a journey, which was verified when central stored it."""
    return _order_in(journey.order)


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
    of_stop = {"journey": journey.id, "station": station, "number": number}
    previous = session.connection().scalar(_PREVIOUS, of_stop)
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
