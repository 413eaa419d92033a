"""What people said of a held output, and what it comes to. Pure but for the files of the words.

Each person's word on one output is a file of the stop, written once: `word-counts-1.json` is the
first on `counts`. Nobody's word takes another's place.
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
    """What of a table stays: whole `rows`, counted from 1, and single `cells` (row, column)."""

    rows: tuple[int, ...] = ()
    cells: tuple[tuple[int, str], ...] = ()

    @field_validator("rows", "cells")
    @classmethod
    def _in_order(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        # Two people who mean the same say the same.
        return tuple(sorted(set(value)))

    @model_validator(mode="after")
    def _something(self) -> Redaction:
        if not self.rows and not self.cells:
            raise ValueError("it takes nothing out")
        return self


class Vote(StrictModel):
    """One person's word on one held output, or on a log. The reason stays at the station.

    `seen` is the digest of what that person looked at; `persons` had to agree by then.
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
    """What the words on one output come to; `by` is empty if nobody decided in time."""

    choice: Literal["release", "part", "refuse"]
    part: Redaction | None = None
    by: tuple[PersonName, ...] = ()


EXPIRED = Outcome(choice="refuse")


class Release(StrictModel):
    """`release.json`: what becomes of each held output, by name. Written once, by the daemon."""

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
    """Raises StationError: ``release-reason`` without a reason of one line, ``person``."""
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
    """What people said so far, in order."""
    words: list[Vote] = []
    while stop.path_of((file := _vote_file(output, len(words) + 1)).name).exists():
        words.append(stop.read(file))
    return tuple(words)


def outcome_of(words: Sequence[Vote], persons: int) -> Outcome | None:
    """What `words` come to; None while someone else has to agree.

    One person's refusal is enough. To release, `persons` people have to say the same.
    """
    for vote in words:
        if vote.choice == "refuse":
            return Outcome(choice="refuse", by=(vote.by,))
    if len(words) < persons:
        return None
    first = words[0]
    return Outcome(choice=first.choice, part=first.part, by=tuple(vote.by for vote in words))


def outcome_with(words: Sequence[Vote], output: str, vote: Vote, persons: int) -> Outcome | None:
    """What `word` comes to with the `words` before it.

    Raises StationError: ``release-decided`` if the output is decided on already,
    ``release-same-person`` for a second word of the same person, ``release-disagreed`` if it is
    another than the first person's and no refusal.
    """
    if outcome_of(words, persons) is not None:
        raise already_decided(output)
    for before in words:
        if before.by == vote.by:
            raise StationError(
                f"{vote.by} has given a word on '{output}' already; another person has to look at "
                "it as well.",
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
    """Note `word`; returns what it comes to with those before it. Raises as `outcome_with` does."""
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
    """A choice in words, for people at the station."""
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
    """A word comes too late."""
    return StationError(
        f"What becomes of '{output}' is decided already.",
        "'phtlab station output list' shows what waits.",
        code="release-decided",
    )
