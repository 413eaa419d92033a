"""Limits on what the airlock reads of one stop's outputs: bytes, numbers and pixels.

The run decides what it writes, for as many outputs as it declares. So the bytes read, the numbers
checked and the pixels drawn are bounded for all outputs of a stop together, before any work on
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO, Final, Protocol

from phtlab.errors import AirlockError
from phtlab.station.airlock.formats.table import Table
from phtlab.station.airlock.marked_output import MarkedOutput
from phtlab.station.airlock.work_limit import WorkLimit
from phtlab.station.policy.airlock_rules import AirlockRules

MOST_CHECKED: Final = 10
"""Tables and figures' data hold at most so many times `max_numbers`; beyond it they are refused."""
MOST_READ: Final = 2
"""How many times `max_total` is read: a run writes more than what leaves of it."""
MOST_FIGURES: Final = 20
"""How many figures of `max_pixels` are redrawn at most, or more figures that are smaller."""


class RunOutputs(Protocol):
    """The files that the run left, by name; each up to a limit in bytes. Raises AirlockError."""

    def read(self, name: str, limit: int) -> bytes:
        """Return the whole content."""

    def open(self, name: str, limit: int) -> BinaryIO:
        """Return the file, which stays open until all outputs have left."""


class Intake:
    """The files of a run, how much of them may still be read, and the stop's work limit `steps`."""

    def __init__(self, run_outputs: RunOutputs, rules: AirlockRules) -> None:
        self.steps = WorkLimit()
        self._left = run_outputs
        self._rules = rules
        self._bytes = MOST_READ * rules.max_total
        self._numbers = MOST_CHECKED * rules.max_numbers
        self._pixels = MOST_FIGURES * rules.max_pixels

    def read(self, name: str, limit: int) -> bytes:
        """Return the whole content. Raises AirlockError, also if all content read is too large."""
        content, rules = self._left.read(name, limit), self._rules
        self._bytes -= len(content)
        if self._bytes < 0:
            raise AirlockError(
                f"All outputs together exceed {rules.max_total} bytes {MOST_READ} times over, as "
                "the run wrote them.",
                code="total-size",
            )
        return content

    def open(self, name: str, limit: int) -> BinaryIO:
        """Return the file without reading it into memory. Raises AirlockError."""
        return self._left.open(name, limit)

    def require_room(self, table: Table | None = None) -> None:
        """Count the numbers of `table`. Raises AirlockError (``amount``) if there is no room."""
        rules = self._rules
        if table is not None:
            self._numbers -= table.rows * len(table.columns)
        if self._numbers < 0:
            raise AirlockError(
                f"The tables and figures together hold more than {rules.max_numbers} numbers "
                f"{MOST_CHECKED} times over, which nobody can look at.",
                code="amount",
            )

    def require_pixels(self, pixels: int) -> None:
        """Count `pixels` to draw. Raises AirlockError (``amount``) if they are too many."""
        rules = self._rules
        self._pixels -= pixels
        if self._pixels < 0:
            raise AirlockError(
                f"The figures together have more pixels than {MOST_FIGURES} of {rules.max_pixels}.",
                code="amount",
            )


def find_beyond(drafts: Sequence[MarkedOutput], rules: AirlockRules) -> None:
    """Note in `drafts` which exceed the numbers and names that may leave of a stop."""
    room = rules.max_numbers
    for draft in drafts:
        room -= draft.numbers
        if room < 0:
            draft.find(
                "amount",
                rules.amount,
                f"The outputs together hold more than {rules.max_numbers} numbers and names.",
                (f"{draft.numbers} in this one",),
                set(),
            )


def is_beyond(draft: MarkedOutput) -> bool:
    """Return whether ``amount`` holds or refuses the output; then no further rule checks it."""
    return any(finding.rule == "amount" and finding.action != "pass" for finding in draft.findings)
