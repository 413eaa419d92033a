"""A journey of rounds at central: what whoever combines and its stations sign and send."""

from __future__ import annotations

import base64
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from phtlab.errors import PhtlabError
from phtlab.train.canonical import digest
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.order import Order, OrderedRounds, context_digest
from phtlab.train.documents.record import RoundsDone, StopRecord
from phtlab.train.documents.round import (
    Instruction,
    RoundCargo,
    RoundCargoKind,
    RoundRecord,
    round_context,
)
from phtlab.wire.api.journeys import JourneyView
from phtlab.wire.api.rounds import SentInstruction, SentRound
from tests.central.world import World, order_of
from tests.limits import join

KEY = Identity.generate("journey")
STATIONS = ("ulm", "mainz")

Sent = TypeVar("Sent", SentInstruction, SentRound)


def inline(content: bytes) -> str:
    return base64.b64encode(content).decode()


@dataclass
class RoundSeries:
    """Signs with members' keys; remembers what was sent, so that the next follows.

    Instructions are signed with `KEY`, or by the order's aggregator. `instructions` begins with
    that of round 2.
    """

    central: World
    journey: JourneyView
    instructions: list[Envelope] = field(default_factory=list)
    records: dict[str, list[Envelope]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def ordered(
        cls,
        central: World,
        *,
        quorum: int = 1,
        stations: Sequence[str] = STATIONS,
        recipients: tuple[str, ...] = (),
        aggregator: str | None = None,
    ) -> RoundSeries:
        """A journey of at most four rounds, submitted by ada."""
        key = None if aggregator else KEY.public
        rounds = OrderedRounds(most=4, aggregator=aggregator, key=key, quorum=quorum, deadline=60)
        train = central.train(route="rounds")

        def with_rounds(order: Order) -> Order:
            return order.model_copy(update={"train": image, "route": "rounds", "rounds": rounds})

        ada = central.client("ada")
        image = ada.submit_train(train).digest
        order = central.order(*stations, recipients=recipients, change=with_rounds)
        return cls(central, ada.submit_journey(order))

    @property
    def id(self) -> str:
        return self.journey.id

    @property
    def order(self) -> Order:
        return order_of(self.journey.order)

    @property
    def combiner(self) -> str:
        """The member who sends the instructions."""
        return self.order.aggregator or "ada"

    def cargo(
        self, kind: RoundCargoKind, content: bytes, number: int, station: str = ""
    ) -> RoundCargo:
        context = context_digest(round_context(self.id, self.order, kind, number, station))
        return RoundCargo(digest=digest(content), size=len(content), context=context)

    def instruction(
        self,
        *,
        values: bytes | None = None,
        report: bytes | None = None,
        by: Identity | None = None,
        **changes: Any,
    ) -> SentInstruction:
        """The next instruction; it names the newest records of the round before."""
        number = changes.get("number", len(self.instructions) + 2)
        made = Instruction(
            journey=self.id,
            number=number,
            previous=self.instructions[-1].digest if self.instructions else self.id,
            heard={name: found[-1].digest for name, found in self.records.items() if found},
            values=self.cargo("values", values, number) if values else None,
            report=self.cargo("report", report, number) if report else None,
            issued=self.central.clock(),
        )
        own = self.central.identity(self.combiner) if self.order.aggregator else KEY
        signed = Instruction.model_validate(made.model_dump() | changes).sign(by or own)
        return SentInstruction(
            instruction=signed,
            values=inline(values) if values else None,
            report=inline(report) if report else None,
        )

    def instruct(self, **changes: Any) -> SentInstruction:
        """Send the next instruction as whoever combines."""
        sent = self.instruction(**changes)
        self.central.client(self.combiner).put_instruction(self.id, sent)
        self.instructions.append(sent.instruction)
        return sent

    def record(
        self,
        station: str,
        number: int,
        /,
        *,
        update: bytes = b"update",
        by: str | None = None,
        **changes: Any,
    ) -> SentRound:
        """A record that follows the station's last record and the instruction of the round."""
        own = self.records[station]
        values = {
            "journey": self.id,
            "train": self.journey.train,
            "station": station,
            "number": number,
            "instruction": self.instructions[number - 2].digest if number > 1 else None,
            "previous": own[-1].digest if own and number > 1 else None,
            "update": self.cargo("update", update, changes.get("number", number), station),
            "roster_version": self.order.roster_version,
            "finished": self.central.clock(),
        }
        signed = RoundRecord.model_validate(values | changes)
        envelope = signed.sign(self.central.identity(by or station))
        return SentRound(record=envelope, update=inline(update))

    def compute(self, station: str, number: int, /, **changes: Any) -> SentRound:
        """Send a record as its station."""
        sent = self.record(station, number, **changes)
        self.central.client(station).put_round(self.id, station, number, sent)
        self.records[station].append(sent.record)
        return sent

    def depart(self, station: str) -> None:
        """Send the record of a stop that ends after the station's last round.

        An aggregator's ends after its last instruction.
        """
        own = self.instructions if station == self.order.aggregator else self.records[station]
        record = StopRecord(
            journey=self.id,
            train=self.journey.train,
            station=station,
            stop=self.order.stop_of(station),
            outcome="departed",
            rounds=RoundsDone(count=len(own), last=own[-1].digest if own else None),
            roster_version=self.order.roster_version,
            started=self.central.clock(),
            finished=self.central.clock(),
        )
        signed = record.sign(self.central.identity(station))
        self.central.client(station).put_record(self.id, station, signed)


def outcomes_at_once(put: Callable[[Sent], None], sent: Sequence[Sent]) -> list[str]:
    """Put each of `sent` in a thread of its own; return the codes, "" for what central took."""
    outcomes: list[str] = []

    def put_one(each: Sent) -> None:
        try:
            put(each)
            outcomes.append("")
        except PhtlabError as refused:
            outcomes.append(refused.code)

    threads = [threading.Thread(target=put_one, args=(each,)) for each in sent]
    for thread in threads:
        thread.start()
    join(*threads)
    return outcomes
