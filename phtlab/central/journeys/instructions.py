"""Instructions of rounds: each follows the one before, and names records that central has.

Central stores one instruction of each round: whoever combines cannot send stations different ones
through it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, Connection, bindparam, func, select, update
from sqlalchemy.orm import Session

from phtlab.central.audit.log import audited, note_contradiction
from phtlab.central.changes import bus
from phtlab.central.db.database import Change, Database
from phtlab.central.db.tables import InstructionRow, JourneyRow, RoundRow
from phtlab.central.journeys.events import rounds_changed
from phtlab.central.journeys.inline import inline_bytes, inline_json
from phtlab.central.journeys.journeys import visible_journey
from phtlab.central.journeys.rounds import last_that_fits, order_of
from phtlab.central.journeys.trains import check_size
from phtlab.central.problems import forbidden
from phtlab.errors import JourneyError, OrderError
from phtlab.train.crypto.identity import Member
from phtlab.train.documents.envelope import Envelope, peek
from phtlab.train.documents.order import MAX_ROUNDS
from phtlab.train.documents.roster import Roster
from phtlab.train.documents.round import Instruction
from phtlab.train.verify import verify_instruction
from phtlab.wire.api.rounds import MAX_ROUNDS_OF_ANSWER, SentInstruction

MAX_INSTRUCTION_BYTES: Final = 256 * 1024
_LATER: Final = (
    InstructionRow.journey_id == bindparam("journey"),
    InstructionRow.number > bindparam("after", type_=BigInteger),
)
# Built once: each station executes them in each round.
_SIZES: Final = (
    select(InstructionRow.number, func.coalesce(func.length(InstructionRow.report), 0))
    .where(*_LATER)
    .order_by(InstructionRow.number)
    .limit(MAX_ROUNDS_OF_ANSWER)
)
_WITH_VALUES: Final = (
    select(InstructionRow.envelope, InstructionRow.payload)
    .where(*_LATER, InstructionRow.number <= bindparam("last", type_=BigInteger))
    .order_by(InstructionRow.number)
)
_WITH_REPORTS: Final = _WITH_VALUES.add_columns(InstructionRow.report)


def put_instruction(
    database: Database, roster: Roster, member: Member, journey: str, sent: SentInstruction
) -> None:
    """Store the signed instruction of the next round, and wake the journey's stations.

    The same instruction again changes nothing. Raises what `verify_instruction` raises; OrderError:
    ``instruction-heard`` if it names a record that central does not have, ``instruction-ended``
    after the one that ends the rounds; JourneyError: ``instruction-exists`` for another instruction
    of a round, ``journey-over``; CentralError: ``forbidden`` unless `member` is the journey's
    aggregator, or without one its researcher, ``too-large``, ``inline-content``.
    """
    envelope = sent.instruction
    check_size(envelope, MAX_INSTRUCTION_BYTES, "instruction")
    with database.change() as change:
        session = change.session
        row = visible_journey(session, member, journey)
        _require_combiner(row, member)
        if _is_stored(session, journey, envelope):
            return
        # In the transaction, as records of rounds are.
        instruction = _verified(session, roster, row, envelope)
        new = _is_new(session, instruction)
        if new:
            _require_open(row, change.now)
            _require_records(session, instruction)
            payload = inline_bytes(sent.values, instruction.values, "values")
            report = inline_bytes(sent.report, instruction.report, "contents of the report")
            _add(change, row, member, instruction, envelope, payload, report)
        else:
            note_contradiction(
                change,
                actor=member.name,
                action="round-instructed-twice",
                subject=journey,
                digest=envelope.digest,
                round_number=instruction.number,
            )
    if not new:
        raise JourneyError(
            f"Round {instruction.number} has another instruction already: central keeps the first.",
            "Another kernel may combine this journey: let one of them go on.",
            code="instruction-exists",
        )


def instructions_json(
    connection: Connection, journey: str, after: int, *, opens: bool
) -> str | None:
    """Return the `Instructions` of rounds over `after`, None if there are none yet.

    Reports are for members who may open the journey's results (`opens`). Stored envelopes are
    inserted without parsing.
    """
    query = {"journey": journey, "after": after}
    reports = connection.execute(_SIZES, query)
    newest = last_that_fits(((number, size if opens else 0) for number, size in reports), after)
    if newest == after:
        return None
    # Only the newest values of a journey are stored, so that this reads one payload at most.
    rows = connection.execute(_WITH_REPORTS if opens else _WITH_VALUES, query | {"last": newest})
    found = (
        f'{{"instruction":{row.envelope},"values":{inline_json(row.payload)},'
        f'"report":{inline_json(row.report if opens else None)}}}'
        for row in rows
    )
    return f'{{"instructions":[{",".join(found)}]}}'


def _require_combiner(journey: JourneyRow, member: Member) -> None:
    if journey.aggregator is not None:
        if not journey.is_combined_by(member):
            raise forbidden(
                f"The aggregator {journey.aggregator} combines the rounds of this journey: nobody "
                f"else instructs its stations, so not {member.name}."
            )
    elif journey.researcher != member.name:
        raise forbidden(
            f"{journey.researcher} ordered this journey: nobody else instructs its stations, so "
            f"not {member.name}."
        )


def _is_stored(session: Session, journey: str, envelope: Envelope) -> bool:
    stored = session.get(InstructionRow, (journey, _claimed_number(envelope)))
    return stored is not None and stored.digest == envelope.digest


def _claimed_number(envelope: Envelope) -> int:
    """Return the number of the round that an unverified instruction names, 0 if it names none."""
    number = peek(envelope).predicate.get("number")
    return number if isinstance(number, int) and 0 <= number <= MAX_ROUNDS + 1 else 0


def _verified(
    session: Session, roster: Roster, journey: JourneyRow, envelope: Envelope
) -> Instruction:
    """Verify an instruction of the next round, or of one that has an instruction already."""
    newest = session.scalar(
        select(func.max(InstructionRow.number)).where(InstructionRow.journey_id == journey.id)
    )
    number = (newest or 1) + 1
    if 1 < _claimed_number(envelope) < number:
        number = _claimed_number(envelope)
    before = session.get(InstructionRow, (journey.id, number - 1))
    return verify_instruction(
        envelope,
        journey=journey.id,
        order=order_of(journey),
        roster=roster,
        number=number,
        previous=before.digest if before else journey.id,
    )


def _is_new(session: Session, instruction: Instruction) -> bool:
    return session.get(InstructionRow, (instruction.journey, instruction.number)) is None


def _require_records(session: Session, instruction: Instruction) -> None:
    number = instruction.number - 1
    query = select(RoundRow.station, RoundRow.digest).where(
        RoundRow.journey_id == instruction.journey, RoundRow.number == number
    )
    known = {row.station: row.digest for row in session.execute(query)}
    for station, record in instruction.heard.items():
        if known.get(station) != record:
            raise OrderError(
                f"This instruction names a record of {station} of round {number} that central "
                "does not have.",
                "Combine the records that central has, and sign another instruction.",
                code="instruction-heard",
            )


def _require_open(journey: JourneyRow, now: datetime) -> None:
    if journey.rounds_ended:
        raise OrderError(
            f"The rounds of the journey {journey.id} have ended by an instruction.",
            "Dispatch the train again for more rounds.",
            code="instruction-ended",
        )
    if journey.cancelled:
        why = "is cancelled"
    elif now >= journey.expires:
        why = f"expired at {journey.expires:%Y-%m-%d %H:%M} UTC"
    elif all(stop.final for stop in journey.stops if stop.station != journey.aggregator):
        why = "is done at all of its stations"
    else:
        return
    raise JourneyError(
        f"The journey {journey.id} {why}: its stations get no more instructions.",
        "Open the results of its last round, or dispatch the train again.",
        code="journey-over",
    )


def _add(
    change: Change,
    journey: JourneyRow,
    combiner: Member,
    instruction: Instruction,
    envelope: Envelope,
    payload: bytes | None,
    report: bytes | None,
) -> None:
    if instruction.values is not None:
        earlier = InstructionRow.journey_id == journey.id, InstructionRow.payload.is_not(None)
        change.session.execute(update(InstructionRow).where(*earlier).values(payload=None))
    change.session.add(
        InstructionRow(
            journey_id=journey.id,
            number=instruction.number,
            digest=envelope.digest,
            ends=instruction.ends,
            submitted=change.now,
            envelope=envelope.to_bytes().decode(),
            payload=payload,
            report=report,
        )
    )
    if instruction.ends:
        journey.rounds_ended = True
    else:
        journey.round_number = instruction.number
    audited(
        change,
        actor=combiner.name,
        action="rounds-ended" if instruction.ends else "round-instructed",
        subject=journey.id,
        digest=envelope.digest,
        details={"round": str(instruction.number)},
    )
    going_on = [stop for stop in journey.stops if not stop.final]
    rounds_changed(change, journey, (going_on or journey.stops)[0])
    change.notify(bus.of_instructions(journey.id))
