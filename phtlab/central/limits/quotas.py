"""Daily limits on what a member may add: central refuses the excess and stores none of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute

from phtlab.central.db.database import Change
from phtlab.errors import CentralError

_DAY: Final = timedelta(days=1)


def require_room(
    change: Change,
    most: int,
    what: str,
    at: InstrumentedAttribute[Any],
    *of_the_member: ColumnElement[bool],
) -> None:
    """Raise CentralError (``quota``) if `most` rows `of_the_member` were added within a day.

    `at` is the column with the moment at which a row was added.
    """
    newer = select(func.count()).where(at > change.now - _DAY, *of_the_member)
    if (change.session.scalar(newer) or 0) >= most:
        raise CentralError(
            f"Central takes no more than {most} {what} of a member in a day, and these were sent.",
            "Send the rest tomorrow, or ask central's operator for a higher limit.",
            code="quota",
        )
