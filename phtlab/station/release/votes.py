"""Votes on held outputs, and their outcome. Pure, except for the files of the votes.

Each person's vote on an output is a file of the stop, written once: `word-counts-1.json` is the
first vote on `counts`. A vote never replaces another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import (
    AwareDatetime,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from phtlab.errors import StationError
from phtlab.governance.approval import PersonName
from phtlab.governance.text import Line
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.stop import Stop
from phtlab.station.stops.stop_files import StopFile
from phtlab.strict_model import StrictModel
from phtlab.train.canonical import Digest


class Redaction(StrictModel):
    """Whole `rows` of a table, from 1, and single `cells` (row, column) that are withheld."""

    rows: tuple[int, ...] = ()
    cells: tuple[tuple[int, str], ...] = ()

    @field_validator("rows", "cells")
    @classmethod
    def _in_order(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        # So that two equal redactions compare as equal.
        return tuple(sorted(set(value)))

    @model_validator(mode="after")
    def _something(self) -> Redaction:
        if not self.rows and not self.cells:
            raise ValueError("it takes nothing out")
        return self


class Vote(StrictModel):
    """One person's vote on a held output, or on a log. The reason stays at the station.

    `seen` is the digest of what that person viewed; `persons` is how many had to agree at that
    time.
    """

    choice: Literal["release", "part", "refuse"]
    part: Redaction | None = None
    by: PersonName
    reason: Line = Field(min_length=1)
    at: AwareDatetime
    seen: Digest | None = None
    persons: int = 1

    @model_validator(mode="after")
    def _fits(self) -> Vote:
        if (self.choice == "part") != (self.part is not None):
            raise ValueError("a part is named exactly if a part is released")
        return self


class Outcome(StrictModel):
    """The outcome of the votes on one output; `by` is empty if nobody decided in time."""

    choice: Literal["release", "part", "refuse"]
    part: Redaction | None = None
    by: tuple[PersonName, ...] = ()


EXPIRED = Outcome(choice="refuse")


class Release(StrictModel):
    """`release.json`: the outcome of each held output, by name. The daemon writes it once."""

    outputs: Mapping[str, Outcome]
    at: AwareDatetime


RELEASE: Final = StopFile(Marker.RELEASE, TypeAdapter(Release))
_VOTE: Final = TypeAdapter(Vote)


def make_vote(
    choice: Literal["release", "part", "refuse"],
    part: Redaction | None,
    by: str,
    reason: str,
    at: datetime,
    *,
    seen: str | None = None,
    persons: int = 1,
) -> Vote:
    """Make a vote.

    Raises StationError: ``release-reason`` without a reason of one line, ``person``.
    """
    try:
        return Vote(
            choice=choice,
            part=part,
            by=by,
            reason=reason.strip(),
            at=at,
            seen=seen,
            persons=persons,
        )
    except ValidationError as error:
        (errors, *_) = error.errors()
        if errors["loc"][:1] == ("by",):
            raise StationError(
                f"{by!a} cannot name a person: use lower-case letters, digits, '.', '_' and '-', "
                "beginning with a letter.",
                code="person",
            ) from None
        raise StationError(
            "Give the reason in one line of at most 200 visible characters.", code="release-reason"
        ) from None


def votes_on(stop: Stop, output: str) -> tuple[Vote, ...]:
    """Return the votes on `output` so far, in order."""
    words: list[Vote] = []
    while stop.path_of((file := _vote_file(output, len(words) + 1)).name).exists():
        words.append(stop.read(file))
    return tuple(words)


def outcome_of(words: Sequence[Vote], persons: int) -> Outcome | None:
    """Return the outcome of `words`, the votes; None while another person has to agree.

    One person's refusal decides. A release needs the same vote from `persons` people.
    """
    for vote in words:
        if vote.choice == "refuse":
            return Outcome(choice="refuse", by=(vote.by,))
    if len(words) < persons:
        return None
    first = words[0]
    return Outcome(choice=first.choice, part=first.part, by=tuple(vote.by for vote in words))


def outcome_with(words: Sequence[Vote], output: str, vote: Vote, persons: int) -> Outcome | None:
    """Return the outcome of `vote` together with the earlier votes `words`.

    Raises StationError: ``release-decided`` if the output is already decided,
    ``release-same-person`` for a second vote of the same person, ``release-disagreed`` if the vote
    differs from the first person's and is no refusal.
    """
    if outcome_of(words, persons) is not None:
        raise already_decided(output)
    for before in words:
        if before.by == vote.by:
            raise StationError(
                f"{vote.by} has voted on '{output}' already; a second person must vote as well.",
                code="release-same-person",
            )
        if vote.choice != "refuse" and (vote.choice, vote.part) != (before.choice, before.part):
            raise StationError(
                f"{before.by} decided otherwise on '{output}': {choice_sentence(before)}.",
                "Two people have to say the same: do as they did, or withhold the output.",
                code="release-disagreed",
            )
    return outcome_of((*words, vote), persons)


def add_vote(stop: Stop, output: str, vote: Vote, persons: int) -> Outcome | None:
    """Store `vote`; return the outcome with the votes before it. Raises as `outcome_with` does."""
    words = votes_on(stop, output)
    outcome = outcome_with(words, output, vote, persons)
    try:
        stop.create(_vote_file(output, len(words) + 1), vote)
    except FileExistsError:
        raise StationError(
            f"Someone else decided on '{output}' at this moment.",
            "Look at it again.",
            code="release-decided",
        ) from None
    return outcome


def choice_sentence(vote: Vote | Outcome) -> str:
    """Describe a choice for people at the station."""
    if vote.choice == "refuse":
        return "withhold it"
    if vote.part is None:
        return "release it"
    out = [f"row {row}" for row in vote.part.rows]
    out += [f"'{column}' of row {row}" for row, column in vote.part.cells]
    return f"release it without {', '.join(out)}"


def _vote_file(output: str, number: int) -> StopFile[Vote]:
    return StopFile(f"word-{output}-{number}", _VOTE)


def already_decided(output: str) -> StationError:
    """Return the error for a vote that comes too late."""
    return StationError(
        f"'{output}' is decided already.",
        "'phtlab station output list' shows what waits.",
        code="release-decided",
    )
