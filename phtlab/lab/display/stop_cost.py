"""What a stop cost, as far as its record and central's events tell: time, and bytes sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from phtlab.errors import SignatureError
from phtlab.train.documents.envelope import peek
from phtlab.train.documents.record import FINAL_STATES, StopRecord
from phtlab.wire.api.journeys import StopView


@dataclass(frozen=True)
class StopCost:
    """`seconds` of the run, so far or in all; `size` of the sealed results, in bytes."""

    seconds: float | None = None
    size: int = 0
    running: bool = False


def stop_cost(stop: StopView, began: Mapping[str, datetime], now: datetime) -> StopCost:
    """The cost of `stop`, for display: its record is read here, not verified.

    `began` is when central heard of a station's first cell; `now` counts for a run that goes on.
    """
    record = _record(stop)
    if record is not None and record.started is not None:
        return StopCost(_between(record.started, record.finished), record.size)
    start = began.get(stop.station)
    if start is None:
        return StopCost()
    if stop.state == "running":
        return StopCost(_between(start, now), running=True)
    return StopCost(_between(start, stop.updated)) if stop.state in FINAL_STATES else StopCost()


def _record(stop: StopView) -> StopRecord | None:
    if stop.record is None:
        return None
    try:
        return StopRecord.model_validate(peek(stop.record).predicate)
    except (SignatureError, ValidationError):
        return None


def _between(start: datetime, end: datetime) -> float:
    """In seconds. Clocks of two machines may differ: never less than nothing."""
    return max(0.0, (end - start).total_seconds())


def duration(seconds: float) -> str:
    """`0.8 s`, `12 s`, `3 min 20 s`, `2 h 5 min`: as much as a person reads."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def size(count: int) -> str:
    """`840 bytes`, `14 kB`, `2.3 MB`: thousands, as files are shown."""
    if count < 1000:
        return f"{count} bytes"
    for unit, factor in (("kB", 1e3), ("MB", 1e6), ("GB", 1e9)):
        if count < 999.5 * factor:
            amount = count / factor
            return f"{amount:.1f} {unit}" if amount < 9.95 else f"{amount:.0f} {unit}"
    return f"{count / 1e12:.1f} TB"
