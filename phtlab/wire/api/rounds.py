"""Rounds in central's API: signed instructions and records, with small sealed content beside them.

Sealed content of at most INLINE_BYTES comes with its document, as base64. Larger content lies in
the registry, under the digest that the document names.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from pydantic import Field

from phtlab.strict_model import StrictModel
from phtlab.train.canonical import digest
from phtlab.train.crypto.identity import MemberName
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.round import RoundCargo

INLINE_BYTES: Final = 256 * 1024
"""Most bytes of sealed content that travel in a message."""
MAX_ROUNDS_OF_ANSWER: Final = 50
"""Most instructions, or records, in one answer."""


def inline_of(sealed: bytes) -> str | None:
    """Return sealed content for a message, in base64; None if it is too large for one."""
    return base64.b64encode(sealed).decode() if len(sealed) <= INLINE_BYTES else None


def sealed_of(inline: str, declared: RoundCargo | None) -> bytes | None:
    """Return the content of a message; None if it is not what the signed document declares."""
    sealed = decoded(inline)
    if sealed is None or declared is None:
        return None
    return sealed if (digest(sealed), len(sealed)) == (declared.digest, declared.size) else None


def decoded(inline: str) -> bytes | None:
    """Return the bytes that `inline` is in base64; None if it is not."""
    try:
        return base64.b64decode(inline, validate=True)
    except (binascii.Error, ValueError):
        return None


class SentInstruction(StrictModel):
    """`POST /journeys/{id}/instructions`: an instruction, its sealed values and report in base64.

    Each of these is None if nothing is sent, or if the registry has it. In an answer, only
    recipients get the report.
    """

    instruction: Envelope
    values: str | None = None
    report: str | None = None


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

    `cursor` is the `after` of the following request. `finishing` says that the researcher asked
    whoever combines to end the rounds.
    """

    cursor: int
    finishing: bool = False
    rounds: tuple[SentRound, ...] = ()


class RoundsView(StrictModel):
    """How far the rounds of a journey are: the newest round, and whose records of it central has.

    `ended` says that an instruction ended the rounds; `number` is then the last round.
    """

    number: int = Field(ge=1)
    ended: bool = False
    heard: tuple[MemberName, ...] = ()


def newest_rounds(known: RoundsView | None, other: RoundsView | None) -> RoundsView | None:
    """Return the later of both: an event may be older than what was read since."""
    if known is None or other is None:
        return known or other
    return max(other, known, key=lambda view: (view.number, view.ended, len(view.heard)))
