"""Rounds in central's API: signed instructions and records, with small sealed content beside them.

Sealed content of at most INLINE_BYTES comes with its document, as base64. Larger content lies in
the registry, under the digest that the document names.
"""

from __future__ import annotations

from typing import Final

from pydantic import Field

from phtlab.strict_model import StrictModel
from phtlab.train.crypto.identity import MemberName
from phtlab.train.documents.envelope import Envelope

INLINE_BYTES: Final = 256 * 1024
"""Most bytes of sealed content that travel in a message."""
MAX_ROUNDS_OF_ANSWER: Final = 50
"""Most instructions, or records, in one answer."""


class SentInstruction(StrictModel):
    """`POST /journeys/{id}/instructions`: an instruction, and its sealed values in base64.

    `values` is None if nothing is sent, or if the registry has it.
    """

    instruction: Envelope
    values: str | None = None


class SentRound(StrictModel):
    """`PUT /journeys/{id}/rounds/{station}/{number}`: a record, and its sealed update in base64.

    `update` is None if the registry has it.
    """

    record: Envelope
    update: str | None = None


class Instructions(StrictModel):
    """`GET /journeys/{id}/instructions?after=NUMBER&wait=SECONDS`: those of later rounds, in order.

    Only the newest values of the journey come with their instruction.
    """

    instructions: tuple[SentInstruction, ...] = ()


class Rounds(StrictModel):
    """`GET /journeys/{id}/rounds?after=CURSOR&wait=SECONDS`: records in the order of their arrival.

    `cursor` is the `after` of the following request.
    """

    cursor: int
    rounds: tuple[SentRound, ...] = ()


class RoundsView(StrictModel):
    """How far the rounds of a journey are: the newest round, and whose records of it central has.

    `ended` says that an instruction ended the rounds; `number` is then the last round.
    """

    number: int = Field(ge=1)
    ended: bool = False
    heard: tuple[MemberName, ...] = ()
