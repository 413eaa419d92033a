"""The rounds of a journey on its map: the present one, who was heard, and what was reported."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from phtlab.errors import PhtlabError
from phtlab.lab.display.route_order import stations_of
from phtlab.printable import escaped
from phtlab.train.documents.envelope import peek
from phtlab.train.documents.record import FINAL_STATES
from phtlab.wire.api.journeys import JourneyView

MAX_LINES: Final = 6
MAX_POINTS: Final = 200
MAX_LABEL: Final = 80

Point = TypeVar("Point", int, float)


class Report(Protocol):
    """What combine cells reported after round `number`, by name."""

    @property
    def number(self) -> int: ...

    @property
    def reported(self) -> Mapping[str, float]: ...


class ReportedLine(BaseModel):
    """What combine cells reported under one name: a number per round, rounds ascending.

    Of more than `MAX_POINTS` rounds, every so many and the last.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    rounds: tuple[int, ...]
    values: tuple[float, ...]


class RoundsMap(BaseModel):
    """The rounds of one journey for display: `number` of at most `most`.

    `heard` are the stations whose records of this round are there, `awaited` those that still
    compute it. `ended` says that no further round begins.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    most: int = Field(description="The most rounds that the order allows; 0 if unknown.")
    ended: bool
    heard: tuple[str, ...]
    awaited: tuple[str, ...]
    lines: tuple[ReportedLine, ...] = Field(
        description="What combine cells reported, as far as it was opened."
    )
    locked: bool = Field(description="Whether the key that opens what was reported is locked.")


def rounds_map(view: JourneyView, reports: Sequence[Report] | None) -> RoundsMap | None:
    """Return the rounds of `view`, with `reports`; None before there are any.

    `reports` are None while the key that opens them is locked.
    """
    rounds = view.rounds
    if rounds is None:
        return None
    heard, stations = frozenset(rounds.heard), stations_of(view)
    ended = rounds.ended or view.done
    return RoundsMap(
        number=rounds.number,
        most=_most(view),
        ended=ended,
        heard=tuple(stop.station for stop in stations if stop.station in heard),
        awaited=tuple(
            stop.station
            for stop in stations
            if not ended and stop.station not in heard and stop.state not in FINAL_STATES
        ),
        lines=reported_lines(reports or ()),
        locked=reports is None,
    )


def reported_lines(reports: Sequence[Report]) -> tuple[ReportedLine, ...]:
    """Return a line for each of the first names that were reported; what is not finite is left out.

    Names are printable, and of bounded length.
    """
    found: dict[str, dict[int, float]] = {}
    for report in reports:
        for name, value in report.reported.items():
            if name in found or len(found) < MAX_LINES:
                line = found.setdefault(name, {})
                if math.isfinite(value):
                    line[report.number] = value
    return tuple(
        ReportedLine(
            name=escaped(name[:MAX_LABEL]),
            rounds=_thinned([*line]),
            values=_thinned([*line.values()]),
        )
        for name, line in found.items()
    )


def _thinned(points: Sequence[Point]) -> tuple[Point, ...]:
    step = -(-len(points) // MAX_POINTS) or 1
    # Counted from the end: the last is always there.
    return tuple(points[(len(points) - 1) % step :: step])


def _most(view: JourneyView) -> int:
    try:
        rounds = peek(view.order).predicate.get("rounds")
    except PhtlabError:
        return 0
    most = rounds.get("most") if isinstance(rounds, dict) else None
    return most if isinstance(most, int) else 0
