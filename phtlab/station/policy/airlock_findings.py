"""What the airlock finds in an output, and what a finding does by the station's policy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from pydantic import Field

from phtlab.strict_model import StrictModel

Action = Literal["suppress", "hold", "refuse", "pass"]
"""`suppress` takes rows out of a table; `hold` asks a person; `refuse` keeps the whole output;
`pass` lets it leave and notes the finding for the operator."""

_GRAVEST: Final[tuple[Action, ...]] = ("refuse", "hold", "suppress", "pass")


class Finding(StrictModel):
    """One rule that an output touches.

    `sentence` is for the researcher and holds no value; `detail` is for the operator only, and
    names the cells with what they hold. It never leaves the station.
    """

    rule: str
    action: Action
    sentence: str
    detail: tuple[str, ...] = Field((), repr=False)


MOST_CELLS: Final = 50
"""So many cells of a finding are named to the operator; the last line says how many more."""


def named(cells: Iterable[str]) -> tuple[str, ...]:
    """`cells` for a finding's detail: the first ones, and how many more there are."""
    every = list(cells)
    if len(every) <= MOST_CELLS:
        return tuple(every)
    return (*every[:MOST_CELLS], f"and {len(every) - MOST_CELLS} more")


def most_severe(findings: Iterable[Finding]) -> Finding | None:
    """The finding that decides: the first of the gravest action, or None if all pass."""
    found = [finding for finding in findings if finding.action != "pass"]
    return min(found, key=lambda finding: _GRAVEST.index(finding.action), default=None)
