"""Findings of the airlock in an output, and the actions that the station's policy takes on them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from pydantic import Field

from phtlab.strict_model import StrictModel

Action = Literal["suppress", "hold", "refuse", "pass"]
"""What a finding does to an output.

`suppress` removes rows of a table; `hold` asks a person; `refuse` keeps the whole output at the
station; `pass` lets the output leave and notes the finding for the operator.
"""

_GRAVEST: Final[tuple[Action, ...]] = ("refuse", "hold", "suppress", "pass")


class Finding(StrictModel):
    """A rule that an output breaks, or that is noted for the operator.

    `sentence` is for the researcher and holds no value; `detail` is for the operator only, names
    the cells with their values, and never leaves the station.
    """

    rule: str
    action: Action
    sentence: str
    detail: tuple[str, ...] = Field((), repr=False)


MOST_CELLS: Final = 50
"""Most cells of a finding that are named to the operator; a last line counts the rest."""


def named(cells: Iterable[str]) -> tuple[str, ...]:
    """Return `cells` for a finding's detail: the first ones, and the number of the rest."""
    every = list(cells)
    if len(every) <= MOST_CELLS:
        return tuple(every)
    return (*every[:MOST_CELLS], f"and {len(every) - MOST_CELLS} more")


def most_severe(findings: Iterable[Finding]) -> Finding | None:
    """Return the first finding with the most severe action, or None if all pass."""
    found = [finding for finding in findings if finding.action != "pass"]
    return min(found, key=lambda finding: _GRAVEST.index(finding.action), default=None)
