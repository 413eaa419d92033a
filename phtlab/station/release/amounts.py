"""What left in a month for each researcher and data set, compared with the policy's limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from phtlab.errors import StationError
from phtlab.station.airlock.history.monthly_amount import (
    MonthUsage,
    amounts_of_month,
    months,
    uses,
)
from phtlab.station.context.station_context import StationContext
from phtlab.station.data.datasets import load_datasets, people_at_most
from phtlab.station.policy.month_limits import (
    MonthLimits,
)


@dataclass(frozen=True)
class Share:
    """`used` of `limit`."""

    used: int
    limit: int

    @property
    def percent(self) -> int:
        """Per cent, rounded up: 100 only if the limit is reached, as a limit of 0 always is."""
        if self.used >= self.limit:
            return 100
        return min(99, -(-100 * self.used // self.limit))

    @property
    def reached(self) -> bool:
        return self.used >= self.limit


@dataclass(frozen=True)
class UseOfMonth:
    """What left of one data set for one researcher, and its share of each limit.

    `values` is None if the number of people in the data set is unknown.
    """

    use: MonthUsage
    rows: Share
    size: Share
    values: Share | None

    @property
    def reached(self) -> bool:
        """Whether the next output waits for a person."""
        return self.rows.reached or self.size.reached

    @property
    def values_reached(self) -> bool:
        """Whether the next output waits for a person unless it has only counts."""
        return self.values is not None and self.values.reached


@dataclass(frozen=True)
class MonthPage:
    """One month (UTC); `months` are those with recorded amounts, and the present month."""

    month: str
    current: bool
    months: tuple[str, ...]
    limits: MonthLimits
    per_stop: int
    lines: tuple[UseOfMonth, ...]


def month_page(station: StationContext, month: str | None = None) -> MonthPage:
    """Return what left in `month`, such as ``2026-12``; by default the present month.

    Raises StationError (``month``) for another form, (``station-error``) if a record is broken, and
    PolicyError.
    """
    now = f"{station.now().astimezone(UTC):%Y-%m}"
    chosen = month or now
    try:
        at = datetime.strptime(chosen, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        raise StationError(
            f"'{chosen[:20]}' is no month: write it as {now}.", code="month"
        ) from None
    policy = station.policy()
    limits = policy.month
    datasets = load_datasets(station.folder)
    found = uses(amounts_of_month(station.folder.released, at))
    return MonthPage(
        month=f"{at:%Y-%m}",
        current=f"{at:%Y-%m}" == now,
        months=tuple(dict.fromkeys([now, *months(station.folder.released)])),
        limits=limits,
        per_stop=policy.airlock.max_numbers,
        lines=tuple(
            UseOfMonth(
                use,
                Share(use.amount.rows, limits.rows),
                Share(use.amount.size, limits.size),
                None if people is None else Share(use.values, limits.values_of(people)),
            )
            for use in found
            for people in [people_at_most(datasets, [use.dataset])]
        ),
    )


def size_text(count: int) -> str:
    """Format a number of bytes for people: `980 B`, `3.1 KiB`, `8 MiB`."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{count} B"
