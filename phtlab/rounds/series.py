"""State of the rounds of one journey: verified instructions and records, and what comes next.

Nothing is fetched here. The state is rebuilt from what central has whenever a kernel waits for the
journey: an instruction that was sent is found there, and its round is not combined again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from phtlab.errors import RecordError
from phtlab.train.documents.envelope import peek
from phtlab.train.documents.order import Order, OrderedRounds
from phtlab.train.documents.roster import Roster
from phtlab.train.documents.round import Instruction, RoundRecord
from phtlab.train.verify.rounds import verify_instruction, verify_round_record
from phtlab.wire.api.rounds import SentInstruction, SentRound


@dataclass(frozen=True)
class RoundAnswer:
    """A verified record of the present round, its digest, and the update that came with it."""

    record: RoundRecord
    digest: str
    update: str | None


@dataclass(frozen=True)
class Waiting:
    """Stations still compute the round. `seconds` is when to decide again, if nothing comes."""

    stations: tuple[str, ...]
    seconds: float | None


@dataclass(frozen=True)
class Ready:
    """The round can be combined. `late` stations did not answer in time, `gone` ones have ended."""

    stations: tuple[str, ...]
    late: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


@dataclass(frozen=True)
class TooFew:
    """Fewer stations are left than a round needs."""

    gone: tuple[str, ...]


@dataclass(frozen=True)
class Ended:
    """The last instruction ends the rounds."""


Step = Waiting | Ready | TooFew | Ended


class Series:
    """The rounds of `journey`, whose verified order is `order`.

    `roster` is the one by which records and instructions are verified; a newer one may take its
    place. `number` is the round that stations compute now; `answers` maps the stations whose
    records of it are there; `unusable` those whose updates cannot be used, each with a sentence.
    """

    def __init__(self, journey: str, order: Order, roster: Roster) -> None:
        if order.rounds is None:
            raise ValueError("the order is for no rounds")
        self.journey = journey
        self.order = order
        self.rounds: OrderedRounds = order.rounds
        self.roster = roster
        self._digests: dict[int, str | None] = {1: None}
        self._last: dict[str, tuple[int, str]] = {}  # of each station: round and record
        self._seen: set[str] = set()
        self._first: datetime | None = None
        self.last: SentInstruction | None = None
        self.instruction: Instruction | None = None
        self.answers: dict[str, RoundAnswer] = {}
        self.unusable: dict[str, str] = {}

    @property
    def number(self) -> int:
        return len(self._digests)

    @property
    def ended(self) -> bool:
        return self.instruction is not None and self.instruction.ends

    @property
    def previous(self) -> str:
        """The digest that the next instruction follows."""
        return self._digests[self.number] or self.journey

    def take_instruction(self, sent: SentInstruction) -> Instruction:
        """Verify the next instruction, and begin its round. Raises as `verify_instruction`."""
        number = self.number + 1
        instruction = verify_instruction(
            sent.instruction,
            journey=self.journey,
            order=self.order,
            roster=self.roster,
            number=number,
            previous=self.previous,
        )
        self._digests[number] = sent.instruction.digest
        self.last, self.instruction = sent, instruction
        self.answers, self.unusable = {}, {}
        return instruction

    def knows_round_of(self, sent: SentRound) -> bool:
        """Whether the record is of a round that has begun here, if it says of which one it is."""
        number = peek(sent.record).predicate.get("number")
        return not isinstance(number, int) or number <= self.number

    def take_record(self, sent: SentRound, now: datetime) -> RoundRecord | None:
        """Verify a station's record, and count it if it is of the present round.

        Return None for a record that was taken before. Raises as `verify_round_record`, and
        RecordError (``record-station``, ``round-number``) for another station or round.
        """
        digest = sent.record.digest
        if digest in self._seen:
            return None
        claimed = peek(sent.record).predicate
        station, number = claimed.get("station"), claimed.get("number")
        if not isinstance(station, str) or station not in self.order.stations:
            raise RecordError(
                "Central sent a record of a round of a station that is not on this journey's "
                "route.",
                "Do not use it; tell an officer.",
                code="record-station",
            )
        before = self._last.get(station)
        if not isinstance(number, int) or number not in self._digests:
            raise _other_round(station, "of a round that has not begun")
        if before is not None and number <= before[0]:
            raise _other_round(station, f"of round {number}, after one of round {before[0]}")
        record = verify_round_record(
            sent.record,
            journey=self.journey,
            order=self.order,
            roster=self.roster,
            station=station,
            number=number,
            instruction=self._digests[number],
            previous=before and before[1],
        )
        self._seen.add(digest)
        self._last[station] = (number, digest)
        if number == self.number and not self.ended:
            self._first = self._first or now
            self.answers[station] = RoundAnswer(record, digest, sent.update)
        return record

    def leave_out(self, station: str, why: str) -> None:
        """Count what `station` sent in this round as unusable: its record stays, its update not."""
        del self.answers[station]
        self.unusable[station] = why

    def step(self, ended: Collection[str], now: datetime) -> Step:
        """Return what comes next. `ended` are the stations whose stops have ended."""
        if self.ended:
            return Ended()
        stations = self.order.stations
        answered = tuple(s for s in stations if s in self.answers)
        open_ = tuple(
            s for s in stations if s not in answered and s not in ended and s not in self.unusable
        )
        gone = tuple(s for s in stations if s not in answered and s not in open_)
        if len(answered) + len(open_) < self.rounds.quorum:
            return TooFew(gone)
        if not open_:
            return Ready(answered, gone=gone)
        left = self._until_deadline(now)
        enough = len(answered) >= self.rounds.quorum
        if enough and left is not None and left <= 0:
            return Ready(answered, late=open_, gone=gone)
        return Waiting(open_, left if enough else None)

    def _until_deadline(self, now: datetime) -> float | None:
        """Return seconds until this round waits for a quorum only; None if that has no beginning.

        A round begins with its instruction; the first one, which people may have to admit, with its
        first record.
        """
        began = self.instruction.issued if self.instruction is not None else self._first
        if began is None:
            return None
        return (began + timedelta(seconds=self.rounds.deadline) - now).total_seconds()


def _other_round(station: str, which: str) -> RecordError:
    return RecordError(
        f"Central sent a record of {station} {which}.",
        "It belongs elsewhere: do not use it.",
        code="round-number",
    )
