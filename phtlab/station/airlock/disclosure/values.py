"""Numbers other than counts in a table or a figure, and how many people they are about.

Each number may be an equation about the patients' values: with as many numbers as patients, the
values can be computed one by one (SDAP handbook, section B, regression: a saturated model).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from math import isfinite
from typing import Any, Final

from phtlab.station.airlock.cells import OF, CountedRow, projections
from phtlab.station.airlock.disclosure.count_reading import CountReading
from phtlab.station.airlock.formats.table import Table
from phtlab.station.airlock.work_limit import MOST_DIMENSIONS

_SEVERAL: Final = 3
_ROUNDING: Final = 1e-11
_FLOAT: Final = 1e-15


def values_in(
    table: Table, counts: str, dimensions: Collection[str], rows: Sequence[int], *, drawn: bool
) -> int:
    """Return how many numbers beside the counts `table` has in `rows`.

    Labels that are numbers count once for each distinct label, where they tell the rows apart.
    Marks of a figure (`drawn`) at even distances count as two numbers.
    """
    columns = {column.name: column for column in table.columns}
    of_counts = [columns[counts].values[row] for row in rows]
    labels = [tuple(columns[name].values[row] for name in dimensions) for row in rows]
    distinguishable = len(set(labels)) == len(rows)
    series = [
        tuple(c.values[row] for c in table.columns if c.type == "string" or c.name == "axes")
        for row in rows
    ]
    found = 0
    before: list[list[Any]] = []
    for column in table.columns:
        if column.type not in ("integer", "number") or column.name == counts:
            continue
        values = [column.values[row] for row in rows]
        present = [value for value in values if value is not None]
        if values == of_counts:
            continue  # the same count again
        if column.name in dimensions and distinguishable:
            found += len(set(present))
        elif drawn:
            found += 1 if _follows(values, before) else _places(values, series)
        else:
            found += len(present)
        before.append(values)
    return found


def _follows(values: Sequence[Any], others: Iterable[Sequence[Any]]) -> bool:
    """Return whether `values` are all equal, or at a constant distance to others."""
    if len({value for value in values if value is not None}) <= 1:
        return True
    for other in others:
        pairs = [(v, o) for v, o in zip(values, other, strict=True) if v is not None]
        if all(o is not None for _, o in pairs) and _alike(
            [v - o for v, o in pairs], [v for v, _ in pairs]
        ):
            return True
    return False


def _places(values: Sequence[Any], series: Sequence[tuple[Any, ...]]) -> int:
    """How many numbers give the positions of marks; marks of another series there add none."""
    groups: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    for value, name in zip(values, series, strict=True):
        if value is not None:
            groups[name].append(value)
    spare: Counter[float] = Counter()
    found = 0
    for group in groups.values():
        own = Counter(group)
        new = own - spare
        spare = (spare - own) + new
        found += min(new.total(), 2) if _is_even(group) else new.total()
    return found


def _is_even(values: Sequence[float]) -> bool:
    return _alike([after - before for before, after in pairwise(values)], values)


def _alike(steps: Sequence[float], values: Sequence[float]) -> bool:
    """Return whether `steps` between `values` are equal up to rounding.

    The tolerance is as small as possible, since the last digits of a number could carry data.
    """
    if not steps:
        return True
    largest = max(map(abs, [*values, *steps]))
    rounding = _ROUNDING * (max(values) - min(values)) + _FLOAT * largest
    return isfinite(largest) and isfinite(rounding) and max(steps) - min(steps) <= rounding


def people_in(readings: Iterable[CountReading], most: int | None) -> int:
    """Return how many people a table is about, by its readings, without counting anybody twice.

    No more than `most`, if that is known. Labels that all count as many (samples, measures of the
    same people) are about the same people; so are those that together count more than `most`.
    """
    found = min((_people(reading, most) for reading in readings if reading.whole), default=0)
    return found if most is None else min(found, most)


def _people(reading: CountReading, most: int | None) -> int:
    own = [row for row in reading.leaves if row.row is not None and row.count]
    largest = max((row.count or 0 for row in reading.rows if row.row is not None), default=0)
    outside = {name for name, _ in reading.within}
    free = [name for name in reading.dimensions if name not in outside and name != OF]
    alike = {name for name in free if _all_alike(own, name)}
    found = [largest]
    if len(free) <= MOST_DIMENSIONS:
        for fixed in projections(free):
            if alike <= {*fixed}:
                found.append(max(_sums(own, {*fixed}).values(), default=0))
    if most is None:
        return max(found)
    return max((people for people in found if people <= most), default=most)


def _all_alike(rows: Sequence[CountedRow], name: str) -> bool:
    sums = _sums(rows, {name})
    return len(sums) >= _SEVERAL and len(set(sums.values())) == 1


def _sums(rows: Sequence[CountedRow], over: Collection[str]) -> Counter[frozenset[tuple[str, str]]]:
    found: Counter[frozenset[tuple[str, str]]] = Counter()
    for row in rows:
        found[frozenset(part for part in row.cell if part[0] in over)] += row.count or 0
    return found
