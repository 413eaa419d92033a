"""Builders of rounds: a signed journey, its instructions and the records of its stations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import Envelope, peek, sign_statement
from phtlab.train.documents.order import Order, context_digest
from phtlab.train.documents.record import RoundsDone
from phtlab.train.documents.roster import Roster
from phtlab.train.documents.round import (
    INSTRUCTION_TYPE,
    ROUND_TYPE,
    Instruction,
    RoundCargo,
    RoundRecord,
    round_context,
)
from phtlab.train.verify import verify_instruction, verify_round_record, verify_series
from tests.train.conftest import NOW, Documents

STATIONS = ("cleveland", "zurich")
VALUES = "sha256:" + "7" * 64
UPDATE = "sha256:" + "8" * 64
MOST = 3


@dataclass(frozen=True)
class RoundsJourney:
    """A signed journey of rounds, and the key that signs its instructions."""

    people: Mapping[str, Identity]
    order: Order
    journey: str
    combiner: Identity

    @classmethod
    def made(
        cls, documents: Documents, key: Identity, *, aggregator: str | None = None, **changes: Any
    ) -> RoundsJourney:
        """A journey whose instructions `key` signs, or the member called `aggregator`."""
        signer = {"aggregator": aggregator} if aggregator else {"key": key.public}
        rounds = {"most": MOST, "quorum": 1, "deadline": 60, **signer, **changes}
        order = documents.order_value(route="rounds", rounds=rounds)
        envelope = order.sign(documents.people["mara"])
        combiner = documents.people[aggregator] if aggregator else key
        return cls(documents.people, order, envelope.digest, combiner)

    # Documents

    def values(self, number: int) -> RoundCargo:
        context = context_digest(round_context(self.journey, self.order, "values", number))
        return RoundCargo(digest=VALUES, size=900, context=context)

    def update(self, station: str, number: int) -> RoundCargo:
        context = context_digest(round_context(self.journey, self.order, "update", number, station))
        return RoundCargo(digest=UPDATE, size=800, context=context)

    def instruction_value(
        self,
        number: int,
        previous: Envelope | None,
        heard: Mapping[str, Envelope],
        **changes: Any,
    ) -> Instruction:
        made = Instruction(
            journey=self.journey,
            number=number,
            previous=previous.digest if previous else self.journey,
            heard={station: record.digest for station, record in heard.items()},
            values=None if changes.get("ends") else self.values(number),
            issued=NOW + timedelta(minutes=number),
        )
        return Instruction.model_validate(made.model_dump() | changes)

    def instruction(
        self,
        number: int,
        previous: Envelope | None,
        heard: Mapping[str, Envelope],
        *,
        signer: Identity | None = None,
        **changes: Any,
    ) -> Envelope:
        value = self.instruction_value(number, previous, heard, **changes)
        return value.sign(signer or self.combiner)

    def record_value(
        self,
        station: str,
        number: int,
        instruction: Envelope | None,
        previous: Envelope | None,
        **changes: Any,
    ) -> RoundRecord:
        made = RoundRecord(
            journey=self.journey,
            train=self.order.train,
            station=station,
            number=number,
            instruction=instruction.digest if instruction else None,
            previous=previous.digest if previous else None,
            update=self.update(station, number),
            roster_version=4,
            finished=NOW + timedelta(minutes=number, seconds=30),
        )
        return RoundRecord.model_validate(made.model_dump() | changes)

    def record(
        self,
        station: str,
        number: int,
        instruction: Envelope | None = None,
        previous: Envelope | None = None,
        *,
        signer: Identity | None = None,
        **changes: Any,
    ) -> Envelope:
        value = self.record_value(station, number, instruction, previous, **changes)
        return value.sign(signer or self.people[station])

    # Verification

    def verify_instruction(
        self, envelope: Envelope, roster: Roster, number: int, previous: str, **more: Any
    ) -> Instruction:
        return verify_instruction(
            envelope,
            journey=self.journey,
            order=self.order,
            roster=roster,
            number=number,
            previous=previous,
            **more,
        )

    def verify_record(
        self,
        envelope: Envelope,
        roster: Roster,
        station: str,
        number: int,
        instruction: Envelope | None,
        previous: Envelope | None,
    ) -> RoundRecord:
        return verify_round_record(
            envelope,
            journey=self.journey,
            order=self.order,
            roster=roster,
            station=station,
            number=number,
            instruction=instruction.digest if instruction else None,
            previous=previous.digest if previous else None,
        )


@dataclass(frozen=True)
class Series:
    """All rounds of a journey: instructions from round 2 on, records by station."""

    of: RoundsJourney
    instructions: tuple[Envelope, ...]
    records: Mapping[str, tuple[Envelope, ...]]

    @classmethod
    def computed(
        cls, of: RoundsJourney, rounds: int = 2, *, late: Mapping[int, str] | None = None
    ) -> Series:
        """`rounds` rounds, which an instruction ends; in a round, the `late` one computes none."""
        instructions: list[Envelope] = []
        records: dict[str, list[Envelope]] = {station: [] for station in STATIONS}
        for number in range(1, rounds + 1):
            start = instructions[-1] if instructions else None
            heard: dict[str, Envelope] = {}
            for station in STATIONS:
                if (late or {}).get(number) == station:
                    continue
                last = records[station][-1] if records[station] else None
                heard[station] = of.record(station, number, start, last)
                records[station].append(heard[station])
            ends = number == rounds
            instructions.append(of.instruction(number + 1, start, heard, ends=ends))
        return cls(of, tuple(instructions), {s: tuple(found) for s, found in records.items()})

    @property
    def done(self) -> dict[str, RoundsDone]:
        return {
            station: RoundsDone(count=len(found), last=found[-1].digest if found else None)
            for station, found in self.records.items()
        }

    def with_records(self, station: str, records: Sequence[Envelope]) -> Series:
        return replace(self, records={**self.records, station: tuple(records)})

    def verify(
        self, roster: Roster, done: Mapping[str, RoundsDone] | None = None
    ) -> dict[str, tuple[RoundRecord, ...]]:
        return verify_series(
            self.instructions,
            self.records,
            journey=self.of.journey,
            order=self.of.order,
            roster=roster,
            done=self.done if done is None else done,
        )


def signed_again(
    envelope: Envelope, identity: Identity, subject: Mapping[str, str] | None = None, **changes: Any
) -> Envelope:
    """Sign a document of rounds with changed fields, which its model may not allow."""
    statement = peek(envelope)
    assert statement.predicate_type in (INSTRUCTION_TYPE, ROUND_TYPE)
    about = {s.name: s.sha256 for s in statement.subject} if subject is None else subject
    return sign_statement(
        identity, statement.predicate_type, about, {**statement.predicate, **changes}
    )
