"""What the columns beside a count tell: parts of the row's people, and how many there are in all.

A table of groups often has, beside how many people are in each, how many of them are ill, or the
share of them: a part of few people is a small cell, whatever it is called. And a share of all says
how many there are in all, and so what a withheld row counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from phtlab.station.airlock.cells import Cell, CountedRow, projections
from phtlab.station.airlock.reading import Reading
from phtlab.station.airlock.significant import decimals
from phtlab.station.airlock.table import Table, TableColumn

_FINEST: Final = 9
"""From so many decimals on a number is not taken for a rounded one."""
_ROUNDING: Final = 1e-9
_FEW: Final = 2
_MOST_DIMENSIONS: Final = 6
_EXTREMES: Final = frozenset(
    [
        *("min", "max", "minimum", "maximum", "lowest", "highest", "smallest", "largest"),
        *("amin", "amax", "0%", "100%", "p0", "p100", "q0", "youngest", "oldest"),
    ]
)

Numbers = Sequence[float | None]


def extreme_columns(table: Table, others: Collection[str]) -> list[str]:
    """The columns that are named as largest or smallest values: each is one person's."""
    return [
        column.name
        for column in _numeric(table, others)
        if not _EXTREMES.isdisjoint(column.name.casefold().replace("_", " ").split())
    ]


def small_parts(
    table: Table, counts: Sequence[int], others: Collection[str], minimum: int
) -> set[int]:
    """The rows of which another column tells that something is true of few, or of all but few.

    As how many they are, or as a share or a percentage of the row's people. `others` are columns
    that say something else.
    """
    found: set[int] = set()
    for column in _numeric(table, others):
        parts = _parts(column, counts)
        if parts is None or all(part in (None, 0) for part in parts):
            continue
        if all(part in (None, n) for part, n in zip(parts, counts, strict=True)):
            continue  # the same count once more
        for row, (part, n) in enumerate(zip(parts, counts, strict=True)):
            if part is not None and n and (part < minimum or 0 < n - part < minimum):
                found.add(row)
    return found


def with_told_sums(
    reading: Reading, table: Table, others: Collection[str], minimum: int
) -> Reading | None:
    """`reading` with the sums that other columns tell, as if they had left; None if they tell none.

    A column tells them that has each row's share or percentage of them, what is left of them, or
    themselves.
    """
    leaves = [row for row in reading.leaves if row.row is not None and row.count is not None]
    fixed = {name for name, _ in reading.within}
    free = [name for name in reading.dimensions if name not in fixed]
    if len(leaves) < _FEW or len(free) > _MOST_DIMENSIONS:
        return None
    told: dict[Cell, int] = {}
    for column in _numeric(table, others):
        values = _values(column)
        for over in projections(free):
            if len(over) < len(free):
                told |= _sums_told(values, leaves, {*over, *fixed})
        told |= _more_than_all(values, leaves, reading.within, minimum)
    known = {row.cell for row in reading.rows}
    rows = tuple(CountedRow(cell, count) for cell, count in told.items() if cell not in known)
    return replace(reading, rows=reading.rows + rows, _sums={}) if rows else None


def _numeric(table: Table, others: Collection[str]) -> Iterator[TableColumn]:
    for column in table.columns:
        if column.type in ("integer", "number") and column.name not in others:
            yield column


def _values(column: TableColumn) -> Numbers:
    return [None if value is None else float(value) for value in column.values]


def _slack(values: Numbers) -> float:
    """By how much a value may be rounded."""
    finest = max((decimals(value) for value in values if value is not None), default=0)
    return 0.5 * 10.0**-finest if finest < _FINEST else _ROUNDING


def _parts(column: TableColumn, counts: Sequence[int]) -> list[int | None] | None:
    """How many of each row's people a column tells, if it tells that."""
    values = _values(column)
    there = [value for value in values if value is not None]
    if not there or min(there) < 0:
        return None
    if column.type == "integer":
        whole = [None if value is None else int(value) for value in values]
        pairs = zip(whole, counts, strict=True)
        return whole if all(part is None or part <= n for part, n in pairs) else None
    if all(value.is_integer() for value in there):
        return None  # medians, say
    for scale in (1, 100):
        if max(there) <= scale and (parts := _shares(values, counts, scale)) is not None:
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


def _sums_told(
    values: Numbers, leaves: Sequence[CountedRow], over: Collection[str]
) -> dict[Cell, int]:
    groups: dict[Cell, list[CountedRow]] = defaultdict(list)
    for leaf in leaves:
        groups[frozenset(part for part in leaf.cell if part[0] in over)].append(leaf)
    sums = {cell: sum(leaf.count or 0 for leaf in rows) for cell, rows in groups.items()}
    several = {cell: rows for cell, rows in groups.items() if len(rows) >= _FEW and sums[cell]}
    pairs = [
        (value, leaf.count or 0, sums[cell])
        for cell, rows in several.items()
        for leaf in rows
        if leaf.row is not None and (value := values[leaf.row]) is not None
    ]
    if len(pairs) < _FEW or not any(value for value, _, _ in pairs):
        return {}
    slack = _slack(values)
    forms: Mapping[str, list[float]] = {
        "share": [n / whole for _, n, whole in pairs],
        "percentage": [100 * n / whole for _, n, whole in pairs],
        "sum": [float(whole) for _, _, whole in pairs],
        "rest": [float(whole - n) for _, n, whole in pairs],
    }
    for expected in forms.values():
        if all(
            abs(value - form) <= slack + _ROUNDING * abs(form)
            for (value, _, _), form in zip(pairs, expected, strict=True)
        ):
            return {cell: sums[cell] for cell in several}
    return {}


def _more_than_all(
    values: Numbers, leaves: Sequence[CountedRow], within: Cell, minimum: int
) -> dict[Cell, int]:
    """A sum that every row tells alike, and that is of few people more than the rows are of."""
    total = sum(leaf.count or 0 for leaf in leaves)
    slack = _slack(values)
    there = [
        (value, leaf.count)
        for leaf in leaves
        if leaf.row is not None and leaf.count and (value := values[leaf.row])
    ]
    if len(there) < _FEW:
        return {}
    for whole in range(total + 1, total + minimum):
        for scale in (1, 100):
            if all(abs(value - scale * n / whole) <= slack for value, n in there):
                return {within: whole}
        if all(value == whole for value, _ in there):
            return {within: whole}
    return {}
