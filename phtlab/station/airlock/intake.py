"""What is read of one stop's outputs: so many bytes, numbers and pixels, and no more.

The run writes what it likes, as often as it declares outputs. What is read, drawn and looked at is
bounded for all outputs of a stop together, before any of it is worked on.
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
"""So many times `max_numbers` of tables and figures' data are held; what is beyond is refused."""
MOST_READ: Final = 2
"""So many times `max_total` is read: what a run writes is larger than what leaves of it."""
MOST_FIGURES: Final = 20
"""So many figures of `max_pixels` are drawn anew; smaller ones are more."""


class RunOutputs(Protocol):
    """The files that the run left, by name; each up to a limit in bytes. Raises AirlockError."""

    def read(self, name: str, limit: int) -> bytes:
        """The whole content."""

    def open(self, name: str, limit: int) -> BinaryIO:
        """The file itself, which stays open until all has left."""


class Intake:
    """The files of a run, and what may still be read of them; `steps` are those of the stop."""

    def __init__(self, run_outputs: RunOutputs, rules: AirlockRules) -> None:
        self.steps = WorkLimit()
        self._left = run_outputs
        self._rules = rules
        self._bytes = MOST_READ * rules.max_total
        self._numbers = MOST_CHECKED * rules.max_numbers
        self._pixels = MOST_FIGURES * rules.max_pixels

    def read(self, name: str, limit: int) -> bytes:
        """The whole content. Raises AirlockError, also if all that is read is too large."""
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
        """The file itself: it is not read into memory. Raises AirlockError."""
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
    """Note in `drafts` which hold more numbers and names than may leave of a stop."""
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
    """Whether it waits, or stays, because it is more than may leave: then it is not worked on."""
    return any(finding.rule == "amount" and finding.action != "pass" for finding in draft.findings)
