"""The time now, clocks that a caller may put in its place, and spans of time as text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from math import floor
from typing import Final

Clock = Callable[[], datetime]
_UNITS: Final = ((86400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"))


def utc_now() -> datetime:
    return datetime.now(UTC)


def duration_text(seconds: float, *, at_least: bool = False) -> str:
    """Return a span in the unit of which it has two or more, rounded; down if `at_least`."""
    unit, name = next(((u, n) for u, n in _UNITS if seconds >= 2 * u), _UNITS[-1])
    count = seconds / unit
    return f"{floor(count) if at_least else count:.0f} {name}"
