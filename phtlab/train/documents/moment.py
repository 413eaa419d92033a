"""Dates that other members write, limited to years that every reader can compute with."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime

FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 9000


def _countable(moment: datetime) -> datetime:
    """Return `moment` as written, so that the signed bytes stay the same.

    In year 1 or 9999, another time zone or an hour more raises OverflowError in a reader.
    """
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"its year is not between {FIRST_YEAR} and {LAST_YEAR}")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_countable)]
"""A date with its time zone, in the years from FIRST_YEAR to LAST_YEAR."""
