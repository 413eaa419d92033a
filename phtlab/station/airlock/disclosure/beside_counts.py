"""Columns beside a count that disclose parts of the row's people, or how many there are in all.

A table of groups often has, beside how many people are in each, how many of them are ill, or the
share of them: a part of few people is a small cell, whatever its name. And a share of all people
discloses how many there are in all, and so the count of a withheld row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from phtlab.station.airlock.cells import Cell, CountedRow, projections
from phtlab.station.airlock.disclosure.count_reading import CountReading
from phtlab.station.airlock.formats.significant_digits import decimals
from phtlab.station.airlock.formats.table import Table, TableColumn
from phtlab.station.airlock.work_limit import WorkLimit

_FINEST: Final = 9
"""A number with so many decimals or more is not treated as rounded."""
_ROUNDING: Final = 1e-9
_FEW: Final = 2

Numbers = Sequence[float | None]


def small_parts(
    table: Table, counts: Sequence[int], others: Collection[str], minimum: int, steps: WorkLimit
) -> set[int]:
    """Return the rows in which another column discloses a part of few people, or of all but few.

    The part may be a number, a share or a percentage of the row's people. `others` are columns with
    another meaning. Raises TooManyStepsError.
    """
    found: set[int] = set()
    for column in _numeric(table, others):
        steps.take(1 + table.rows // 4)
        parts = _parts(column, counts)
        if parts is None or all(part in (None, 0) for part in parts):
            continue
        if all(part in (None, n) for part, n in zip(parts, counts, strict=True)):
            continue  # the same count again
        for row, (part, n) in enumerate(zip(parts, counts, strict=True)):
            if part is not None and n and (part < minimum or 0 < n - part < minimum):
                found.add(row)
    return found


def with_known_sums(
    reading: CountReading, table: Table, others: Collection[str], minimum: int, steps: WorkLimit
) -> CountReading | None:
    """Return `reading` with the sums that other columns disclose, as if they had left.

    None if no column discloses a sum. A column discloses sums if it has each row's share or
    percentage of the sum, the rest of the sum, or the sum itself. Raises TooManyStepsError.
    """
    leaves = [row for row in reading.leaves if row.row is not None and row.count is not None]
    fixed = {name for name, _ in reading.within}
    free = [name for name in reading.dimensions if name not in fixed]
    columns = [_Values.of(column) for column in _numeric(table, others)]
    if len(leaves) < _FEW or not columns:
        return None
    known_sums: dict[Cell, int] = {}
    steps.take(len(columns) * (1 + len(leaves) // 4))
    for over in projections(free):
        if len(over) < len(free):
            steps.take(1 + len(leaves) // 8)
            sums = _Sums.over(leaves, {*over, *fixed})
            for column in columns:
                steps.take(1 + len(sums.parts) // 16)
                known_sums |= sums.computed_counts(column)
    for column in columns:
        steps.take(minimum * (1 + len(leaves) // 64))
        known_sums |= _more_than_all(column, leaves, reading.within, minimum)
    known = {row.cell for row in reading.rows}
    rows = tuple(CountedRow(cell, count) for cell, count in known_sums.items() if cell not in known)
    return replace(reading, rows=reading.rows + rows, _sums={}) if rows else None


def _numeric(table: Table, others: Collection[str]) -> Iterator[TableColumn]:
    for column in table.columns:
        if column.type in ("integer", "number") and column.name not in others:
            yield column


def _values(column: TableColumn) -> Numbers:
    return [None if value is None else float(value) for value in column.values]


def _slack(values: Numbers) -> float:
    """The largest rounding error of a value."""
    finest = max((decimals(value) for value in values if value is not None), default=0)
    return 0.5 * 10.0**-finest if finest < _FINEST else _ROUNDING


def _parts(column: TableColumn, counts: Sequence[int]) -> list[int | None] | None:
    """Return how many of each row's people a column counts; None if it does not count parts."""
    values = _values(column)
    present = [value for value in values if value is not None]
    if not present or min(present) < 0:
        return None
    if column.type == "integer":
        whole = [None if value is None else int(value) for value in values]
        pairs = zip(whole, counts, strict=True)
        return whole if all(part is None or part <= n for part, n in pairs) else None
    if all(value.is_integer() for value in present):
        return None  # such as medians
    for scale in (1, 100):
        if max(present) <= scale and (parts := _shares(values, counts, scale)) is not None:
            return parts
    return None


def _shares(values: Numbers, counts: Sequence[int], scale: int) -> list[int | None] | None:
    slack = _slack(values) / scale
    found: list[int | None] = []
    for value, n in zip(values, counts, strict=True):
        part = None if value is None else value / scale * n
        if part is not None and abs(part - round(part)) > slack * n + _ROUNDING * max(n, 1):
            return None
        found.append(None if part is None else round(part))
    return found


@dataclass(frozen=True)
class _Values:
    """The values of a column beside the count, and the largest rounding error of each."""

    values: Numbers
    slack: float

    @classmethod
    def of(cls, column: TableColumn) -> Self:
        values = _values(column)
        return cls(values, _slack(values))


@dataclass(frozen=True)
class _Sums:
    """Cells that several rows sum up to; `parts` are those rows: number, count and sum."""

    by_cell: Mapping[Cell, int]
    parts: Sequence[tuple[int, int, int]]

    @classmethod
    def over(cls, leaves: Sequence[CountedRow], names: Collection[str]) -> Self:
        groups: dict[Cell, list[CountedRow]] = defaultdict(list)
        for leaf in leaves:
            groups[frozenset(part for part in leaf.cell if part[0] in names)].append(leaf)
        sums = {
            cell: people
            for cell, rows in groups.items()
            if len(rows) >= _FEW and (people := sum(leaf.count or 0 for leaf in rows))
        }
        parts = [
            (leaf.row, leaf.count or 0, people)
            for cell, people in sums.items()
            for leaf in groups[cell]
            if leaf.row is not None
        ]
        return cls(sums, parts)

    def computed_counts(self, column: _Values) -> Mapping[Cell, int]:
        """Return all sums if the column discloses them, else none."""
        values, slack = column.values, column.slack
        present = [part for part in self.parts if values[part[0]] is not None]
        if len(present) < _FEW or not any(values[row] for row, _, _ in present):
            return {}
        for form in _FORMS:
            if all(
                abs((values[row] or 0) - (computed := form(n, whole)))
                <= slack + _ROUNDING * abs(computed)
                for row, n, whole in present
            ):
                return self.by_cell
        return {}


_FORMS: Final[tuple[Callable[[int, int], float], ...]] = (
    lambda n, whole: n / whole,
    lambda n, whole: 100 * n / whole,
    lambda n, whole: float(whole),
    lambda n, whole: float(whole - n),
)
"""A share, a percentage, the sum itself, and the rest of the sum."""


def _more_than_all(
    column: _Values, leaves: Sequence[CountedRow], within: Cell, minimum: int
) -> dict[Cell, int]:
    """Find a sum that every row discloses alike and that exceeds the rows' people by few."""
    total = sum(leaf.count or 0 for leaf in leaves)
    values, slack = column.values, column.slack
    present = [
        (value, leaf.count)
        for leaf in leaves
        if leaf.row is not None and leaf.count and (value := values[leaf.row])
    ]
    if len(present) < _FEW:
        return {}
    for whole in range(total + 1, total + minimum):
        for scale in (1, 100):
            if all(abs(value - scale * n / whole) <= slack for value, n in present):
                return {within: whole}
        if all(value == whole for value, _ in present):
            return {within: whole}
    return {}
