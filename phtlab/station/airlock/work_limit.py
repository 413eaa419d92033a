"""A limit, counted in steps, on the work of checking a stop.

The author of a train can choose tables for which a search never ends, while other stops wait. A
limit in time would differ between stations and days; a limit in steps gives the same verdict
everywhere.
"""

from __future__ import annotations

from typing import Final

MOST_STEPS: Final = 2_000_000
"""Steps for one stop, about ten microseconds each. The largest plausible stop takes a third."""

MOST_DIMENSIONS: Final = 6
"""Most columns that identify whom a row counts: each doubles the sums of a table."""

TOO_MANY_STEPS: Final = "The outputs take too many steps to be checked together."


class TooManyStepsError(Exception):
    """The outputs of the stop cannot be checked in `MOST_STEPS`."""


class WorkLimit:
    """The steps that the check of one stop has left."""

    def __init__(self) -> None:
        self._left = MOST_STEPS

    def take(self, steps: int = 1) -> None:
        """Count `steps`. Raises TooManyStepsError once none are left."""
        self._left -= steps
        if self._left < 0:
            raise TooManyStepsError
