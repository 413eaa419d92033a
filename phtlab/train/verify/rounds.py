"""Verification of rounds: instructions before a station computes, records before one is combined.

An instruction is believed if the key signed it that the order names, or the aggregator, if it
follows the one before, and if what it says of this station's last round is what the station signed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from phtlab.errors import OrderError, RecordError
from phtlab.train.crypto.identity import Member
from phtlab.train.documents.envelope import Envelope, open_statement
from phtlab.train.documents.order import Order, OrderedRounds, context_digest
from phtlab.train.documents.record import RoundsDone
from phtlab.train.documents.roster import Roster
from phtlab.train.documents.round import (
    INSTRUCTION_TYPE,
    ROUND_TYPE,
    Instruction,
    RoundCargo,
    RoundCargoKind,
    RoundRecord,
    round_context,
)
from phtlab.train.verify.predicate import (
    CLOCK_SKEW,
    read_predicate,
    require_role,
    require_signer_then,
)
from phtlab.train.verify.record import (
    open_of_station,
    require_fields,
    require_known_roster,
    require_ran_under,
)

_JOURNEY_KEY = "journey-key"
"""Stands for a key that has no member: the order names it for one journey."""


def verify_instruction(
    envelope: Envelope,
    *,
    journey: str,
    order: Order,
    roster: Roster,
    number: int,
    previous: str,
    station: str | None = None,
    own: str | None = None,
    over: bool = False,
) -> Instruction:
    """Verify the instruction of round `number` of a journey, whose verified order is `order`.

    `previous` is the digest of the instruction before, which did not end the rounds; of round 2 it
    is `journey`. `own` is the digest of the record that `station` signed in the round before, None
    if it signed none. `over` is set to read an ended journey: then what an aggregator signed before
    it left or rotated its keys is believed.

    Raises NotOnRosterError, SignatureError, or OrderError with one of the codes
    ``instruction-signer``, ``instruction-form``, ``instruction-journey``, ``instruction-number``,
    ``instruction-chain``, ``instruction-rounds``, ``instruction-time``, ``instruction-heard``,
    ``instruction-context``.
    """
    rounds = _rounds_of(order)
    signers = roster.signers(order.roster_version) if over else roster.members
    statement, signer = open_statement(envelope, INSTRUCTION_TYPE, _signers(rounds, signers))
    if rounds.aggregator is not None:
        require_role(signer, "aggregator", OrderError, "instruction-signer", "combine rounds")
    instruction = read_predicate(
        Instruction, statement, OrderError("", code="instruction-form"), "This instruction"
    )
    subject = [(s.name, s.sha256) for s in statement.subject]
    if instruction.journey != journey or subject != [("journey", journey)]:
        raise _refused("instruction-journey", "it is for another journey")
    if instruction.number != number:
        raise _refused(
            "instruction-number", f"it is of round {instruction.number}; {number} is next"
        )
    if instruction.previous != previous:
        raise _refused("instruction-chain", "it follows another instruction than the last one")
    if number > rounds.most + instruction.ends:
        raise _refused("instruction-rounds", f"the order is for at most {rounds.most} rounds")
    if not order.issued - CLOCK_SKEW <= instruction.issued < order.expires:
        raise _refused(
            "instruction-time",
            f"it was issued at {instruction.issued:%Y-%m-%d %H:%M} UTC, when the order was not "
            "valid",
        )
    _require_combined(instruction, order, rounds, station, own)
    kinds: tuple[tuple[RoundCargoKind, RoundCargo | None, str], ...] = (
        ("values", instruction.values, "values are"),
        ("report", instruction.report, "report is"),
    )
    for kind, cargo, what in kinds:
        context = context_digest(round_context(journey, order, kind, number))
        if cargo is not None and cargo.context != context:
            raise _refused("instruction-context", f"its {what} bound to another round")
    return instruction


def verify_round_record(
    envelope: Envelope,
    *,
    journey: str,
    order: Order,
    roster: Roster,
    station: str,
    number: int,
    instruction: str | None,
    previous: str | None,
) -> RoundRecord:
    """Verify what `station` says that it computed in round `number`.

    `instruction` is the digest of the round's instruction, None for round 1. `previous` is the
    digest of the station's record before, if any.

    Raises NotOnRosterError, SignatureError, RosterStaleError (``roster-behind``), or RecordError
    with one of the codes ``record-station``, ``record-signer``, ``record-role``, ``record-form``,
    ``record-journey``, ``record-train``, ``record-roster``, ``record-time``, ``round-number``,
    ``round-split``, ``record-chain``, ``record-context``. Records of a station that has left or
    rotated its keys stay valid (`Roster.former`).
    """
    record = _open_round(envelope, journey, order, roster, station)
    if record.number != number:
        raise RecordError(
            f"This record of {station} is of round {record.number}, not of {number}.",
            "It belongs elsewhere: do not use it.",
            code="round-number",
        )
    _require_links(record, instruction, previous)
    return record


def verify_series(
    instructions: Sequence[Envelope],
    records: Mapping[str, Sequence[Envelope]],
    *,
    journey: str,
    order: Order,
    roster: Roster,
    done: Mapping[str, RoundsDone],
) -> dict[str, tuple[RoundRecord, ...]]:
    """Verify all rounds of an ended journey; return each station's records, in order.

    `instructions` are those of rounds 2, 3, …, the one that ends them included. `done` says how
    each station's stop record closes its chain. Raises as `verify_instruction` and
    `verify_round_record`, OrderError (``instruction-ended``) for an instruction after the one that
    ends the rounds, and RecordError (``round-missing``) if a station's records are not those that
    it closed its chain with, or that instructions name.
    """
    followed = _verify_instructions(instructions, journey, order, roster)
    started: dict[int, str | None] = {1: None}
    for envelope, instruction in zip(instructions, followed, strict=True):
        if not instruction.ends:
            started[instruction.number] = envelope.digest
    verified: dict[str, tuple[RoundRecord, ...]] = {}
    signed: dict[tuple[int, str], str] = {}
    for station, envelopes in records.items():
        found: list[RoundRecord] = []
        previous: str | None = None
        for envelope in envelopes:
            record = _open_round(envelope, journey, order, roster, station)
            if record.number not in started:
                raise RecordError(
                    f"{station} signed a record of round {record.number}, which nothing started.",
                    "An instruction is missing, or its rounds had ended: do not use the results.",
                    code="round-number",
                )
            _require_links(record, started[record.number], previous)
            if found and record.number <= found[-1].number:
                raise _missing(station)
            previous = signed[record.number, station] = envelope.digest
            found.append(record)
        verified[station] = tuple(found)
    for station, closed in done.items():
        if station == order.aggregator:
            # Its stop closes the chain of instructions, as a station's closes that of records.
            last = instructions[-1].digest if instructions else None
            if (len(instructions), last) != (closed.count, closed.last):
                raise _missing(station)
            continue
        envelopes = records.get(station, ())
        last = envelopes[-1].digest if envelopes else None
        if (len(envelopes), last) != (closed.count, closed.last):
            raise _missing(station)
    for instruction in followed:
        for station, combined in instruction.heard.items():
            if signed.get((instruction.number - 1, station)) != combined:
                raise _missing(station)
    return verified


def _verify_instructions(
    envelopes: Sequence[Envelope], journey: str, order: Order, roster: Roster
) -> list[Instruction]:
    verified: list[Instruction] = []
    previous = journey
    for number, envelope in enumerate(envelopes, 2):
        if verified and verified[-1].ends:
            raise _refused("instruction-ended", "the rounds had ended before it")
        verified.append(
            verify_instruction(
                envelope,
                journey=journey,
                order=order,
                roster=roster,
                number=number,
                previous=previous,
                over=True,
            )
        )
        previous = envelope.digest
    return verified


def _open_round(
    envelope: Envelope, journey: str, order: Order, roster: Roster, station: str
) -> RoundRecord:
    """Verify a record, except which instruction and which record it follows."""
    if station not in order.stations:
        raise RecordError(
            f"There is a record of a round of {station}, which computes none in this journey.",
            "Do not use it; tell an officer.",
            code="record-station",
        )
    what = ("a round", "records of rounds")
    statement, signer, record = open_of_station(
        envelope, ROUND_TYPE, RoundRecord, station, order, roster, what
    )
    require_fields(
        station,
        ("record-station", "station", record.station, station),
        ("record-journey", "journey", record.journey, journey),
        ("record-train", "train", record.train, order.train),
    )
    if [(s.name, s.sha256) for s in statement.subject] != [("update", record.update.digest)]:
        raise RecordError(
            f"{station}'s record is signed about something else than it names.", code="record-form"
        )
    require_signer_then(signer, record.roster_version, roster)
    require_known_roster(station, record.roster_version, roster)
    require_ran_under(order, station, record.roster_version, record.finished, record.finished)
    if record.number > (most := order.rounds.most if order.rounds else 0):
        raise RecordError(
            f"{station} signed a record of round {record.number}; the order is for at most {most}.",
            "The station should have ended: do not use it, and tell its operator.",
            code="round-number",
        )
    context = context_digest(round_context(journey, order, "update", record.number, station))
    if record.update.context != context:
        raise RecordError(
            f"The update in {station}'s record of round {record.number} is bound to another round.",
            code="record-context",
        )
    return record


def _require_links(record: RoundRecord, instruction: str | None, previous: str | None) -> None:
    if record.instruction != instruction:
        raise RecordError(
            f"{record.station} computed round {record.number} by another instruction than this "
            "one.",
            "Whoever combines has sent stations different instructions of one round: do not use "
            "these results; tell an officer.",
            code="round-split",
        )
    if record.previous != previous:
        raise RecordError(
            f"The record of {record.station} of round {record.number} does not follow its record "
            "before.",
            "A round was dropped or repeated: do not use these results.",
            code="record-chain",
        )


def _rounds_of(order: Order) -> OrderedRounds:
    if order.rounds is None:
        raise _refused("instruction-rounds", "the order is for no rounds")
    return order.rounds


def _signers(rounds: OrderedRounds, members: Sequence[Member]) -> tuple[Member, ...]:
    if rounds.key is not None:
        return (Member(name=_JOURNEY_KEY, roles=("researcher",), keys=rounds.key),)
    return tuple(member for member in members if member.name == rounds.aggregator)


def _require_combined(
    instruction: Instruction,
    order: Order,
    rounds: OrderedRounds,
    station: str | None,
    own: str | None,
) -> None:
    if foreign := set(instruction.heard) - set(order.stations):
        raise _refused(
            "instruction-heard", f"it names {', '.join(sorted(foreign))}, not of this journey"
        )
    if not instruction.ends and len(instruction.heard) < rounds.quorum:
        raise _refused(
            "instruction-heard",
            f"it names {len(instruction.heard)} of the {rounds.quorum} records that a round needs",
        )
    combined = None if station is None else instruction.heard.get(station)
    if combined is not None and combined != own:
        raise _refused(
            "instruction-heard", f"it names another record of {station} than {station} signed"
        )


def _refused(code: str, why: str) -> OrderError:
    return OrderError(
        f"This instruction is not followed: {why}.",
        "Tell whoever combines; the journey goes on from the last round that was finished.",
        code=code,
    )


def _missing(station: str) -> RecordError:
    return RecordError(
        f"The records of {station} are not those of the rounds that it closed its stop with, or "
        "that were combined.",
        "Central shows too few, or in another order: do not use these results.",
        code="round-missing",
    )
