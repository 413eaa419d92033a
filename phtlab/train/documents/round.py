"""Documents of rounds: the instruction that starts one, and a station's record of one.

The order itself starts round 1, in which cells receive their defaults. Each later round has an
instruction: signed by the key that the order names for this journey alone, or by the aggregator,
numbered, and chained to the instruction before. Values for the stations are sealed to them.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from phtlab.strict_model import StrictModel
from phtlab.train.canonical import Digest, canonical, digest
from phtlab.train.crypto.identity import Identity, MemberName
from phtlab.train.documents.envelope import Envelope, sign_statement
from phtlab.train.documents.moment import Moment
from phtlab.train.documents.order import MAX_ROUNDS, Order, context_digest
from phtlab.train.documents.record import OutputVerdict

INSTRUCTION_TYPE = "https://phtlab.org/instruction/v1"
ROUND_TYPE = "https://phtlab.org/round/v1"

RoundCargoKind = Literal["values", "update", "report"]
"""What is sealed in a round: values for the stations, what a station publishes, or what combine
cells report to the recipients."""


class RoundCargo(StrictModel):
    """Sealed content of a round: its digest and size in bytes, and what it is bound to."""

    digest: Digest
    size: int = Field(gt=0)
    context: Digest

    @classmethod
    def of(cls, sealed: bytes, context: bytes) -> RoundCargo:
        """What a document says of `sealed`, which is bound to `context`."""
        return cls(digest=digest(sealed), size=len(sealed), context=context_digest(context))


class Instruction(StrictModel):
    """What stations do next: compute round `number`, or with `ends` none any more.

    `previous` is the instruction before, of round 2 the order. `heard` are the records of the round
    before whose updates were combined, by station. `values` is sealed to the stations, `report` to
    the recipients: what the combine cells reported, and at the end the values that the rounds end
    with. None if nothing is sent.
    """

    journey: Digest
    number: int = Field(ge=2, le=MAX_ROUNDS + 1)
    previous: Digest
    heard: dict[MemberName, Digest] = Field(max_length=256)
    values: RoundCargo | None = None
    report: RoundCargo | None = None
    ends: bool = False
    issued: Moment

    @model_validator(mode="after")
    def _require_no_values_at_the_end(self) -> Self:
        if self.ends and self.values is not None:
            raise ValueError("an instruction that ends the rounds sends no values")
        return self

    def sign(self, identity: Identity) -> Envelope:
        return sign_statement(
            identity,
            INSTRUCTION_TYPE,
            {"journey": self.journey},
            self.model_dump(mode="json", exclude_none=True),
        )


class RoundRecord(StrictModel):
    """What a station computed in one round, and what of it left.

    `instruction` is None for round 1, which the order itself starts. `previous` is the station's
    record of the last round that it computed before, if any; a station that was late has gaps in
    its numbers.
    """

    journey: Digest
    train: Digest
    station: MemberName
    number: int = Field(ge=1, le=MAX_ROUNDS)
    instruction: Digest | None = None
    previous: Digest | None = None
    outputs: tuple[OutputVerdict, ...] = ()
    update: RoundCargo
    roster_version: int = Field(ge=1)
    finished: Moment

    @model_validator(mode="after")
    def _require_start(self) -> Self:
        if (self.instruction is None) != (self.number == 1):
            raise ValueError("an instruction starts each round but the first")
        if self.previous is not None and self.number == 1:
            raise ValueError("no round comes before the first")
        return self

    def sign(self, identity: Identity) -> Envelope:
        return sign_statement(
            identity,
            ROUND_TYPE,
            {"update": self.update.digest},
            self.model_dump(mode="json", exclude_none=True),
        )


def round_context(
    journey: str, order: Order, kind: RoundCargoKind, number: int, station: str = ""
) -> bytes:
    """What sealed content of a round is bound to; `station` is the sender of an update."""
    return canonical(
        {
            "journey": journey,
            "train": order.train,
            "station": station,
            "round": number,
            "kind": kind,
            "roster_version": order.roster_version,
        }
    )
