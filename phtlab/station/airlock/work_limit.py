"""How much work the check of a stop may be: counted in steps, so that it ends alike everywhere.

Whoever writes a train can choose tables for which some search takes for ever, while other stops
wait. Time would be another limit at each station and on each day; steps are the same everywhere.
"""

from __future__ import annotations

from typing import Final

MOST_STEPS: Final = 2_000_000
"""Of one stop; a step is about ten microseconds. The largest honest stop tried takes a third."""

MOST_DIMENSIONS: Final = 6
"""So many columns that say whom a row counts are worked with: each doubles the sums of a table."""

TOO_MANY_STEPS: Final = "The outputs take too many steps to be checked together."


class TooManyStepsError(Exception):
    """The outputs of the stop cannot be checked in `MOST_STEPS`."""


class WorkLimit:
    """The steps that the check of one stop may still take."""

    def __init__(self) -> None:
        self._left = MOST_STEPS

    def take(self, steps: int = 1) -> None:
        """Count `steps`. Raises TooManyStepsError once there are none left."""
        self._left -= steps
        if self._left < 0:
            raise TooManyStepsError
