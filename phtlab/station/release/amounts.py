"""What left in a month for each researcher and data set, beside what the policy lets leave."""

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
        """Rounded up: 100 only once the limit is reached, but for a limit of nothing."""
        if self.used >= self.limit:
            return 100
        return min(99, -(-100 * self.used // self.limit))

    @property
    def reached(self) -> bool:
        return self.used >= self.limit


@dataclass(frozen=True)
class UseOfMonth:
    """What left of one data set for one researcher, and how much of each limit that is.

    `values` is None where nobody knows of how many people the data set is.
    """

    use: MonthUsage
    rows: Share
    size: Share
    values: Share | None

    @property
    def reached(self) -> bool:
        """Whether what comes next waits for a person."""
        return self.rows.reached or self.size.reached

    @property
    def values_reached(self) -> bool:
        """Whether what comes next waits for a person unless it only counts."""
        return self.values is not None and self.values.reached


@dataclass(frozen=True)
class MonthPage:
    """One month (UTC); `months` are those of which something is known, and the present one."""

    month: str
    current: bool
    months: tuple[str, ...]
    limits: MonthLimits
    per_stop: int
    lines: tuple[UseOfMonth, ...]


def month_page(station: StationContext, month: str | None = None) -> MonthPage:
    """What left in `month`, as ``2026-12``; in the present one without it.

    Raises StationError (``month``) for another form, (``station-error``) if what is kept is broken,
    and PolicyError.
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
    """Bytes as a person compares them: `980 B`, `3.1 KiB`, `8 MiB`."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{count} B"
