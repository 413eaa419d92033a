"""The lattice of the cells of tables about the same people, with the sums that a reader can form.

For each table it has all cells on all levels, down from everybody, and for each cell the equation
that it is the sum of its parts. Cells of two tables with the same labels are one cell, so that what
one table discloses of a sum limits the other. That is complete where the tables form a tree: counts
that fit each of them come from a table over all dimensions. Where they form a circle (sex by age,
age by illness, illness by sex), the lattice has the table over those dimensions too, since its
cells cannot be below zero either (Dobra and Fienberg 2000, Bounds for cell entries in contingency
tables given marginal totals and decomposable graphs).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Final

from phtlab.station.airlock.cells import NO_COLUMN, Cell, CountedRow, projections
from phtlab.station.airlock.disclosure.count_reading import CountReading, Labels, all_labels
from phtlab.station.airlock.work_limit import WorkLimit

MOST_CELLS: Final = 4_000
"""Most cells, on all levels, of tables that are compared with each other."""
_FEW: Final = 2
OTHERS: Final = f"{NO_COLUMN}others"
"""The label of people whom a table's total counts and its rows do not."""


class TooManyCellsError(Exception):
    """The tables have more than `MOST_CELLS` cells."""


@dataclass(frozen=True)
class Lattice:
    """Cells with equations, and the counts that are `known` because they have left or would.

    `rows` are the rows that disclose each known count. `hidden` are cells of withheld rows.
    `equations` are weights of cells whose sum is zero.
    """

    known: Mapping[Cell, int]
    rows: Mapping[Cell, tuple[tuple[CountReading, CountedRow], ...]]
    hidden: frozenset[Cell]
    cells: frozenset[Cell]
    equations: tuple[Mapping[Cell, int], ...]
    contradiction: bool


def lattice_of(
    readings: Sequence[CountReading],
    withheld: Collection[tuple[str, int | None]],
    steps: WorkLimit,
    *,
    closed: bool,
    opened: Collection[str] = (),
) -> Lattice:
    """Build the lattice of tables that may be about the same people.

    `withheld` names the withheld rows, as source and row; those of an earlier stop have no count.
    With `closed`, a dimension of which two labels are known has no others, even if no table lists
    both; dimensions in `opened` have others in any case. Raises TooManyCellsError and
    TooManyStepsError.
    """
    steps.take(sum(len(reading.rows) for reading in readings) // 4)
    labels = all_labels(readings)
    alone = {name for reading in readings for name, _ in reading.within}
    if closed:
        alone = {name for name in alone if len(labels[name]) < _FEW}
    alone = (alone | _open_dimensions(readings)) - _closed_dimensions(readings, labels)
    for name in alone.union(opened) & labels.keys():
        labels[name].add(OTHERS)
    shapes = _shapes(readings, steps)
    if sum(_size(shape, labels) for shape in shapes) > MOST_CELLS:
        raise TooManyCellsError
    steps.take(sum(_size(shape, labels) for shape in shapes))
    empty = _structurally_empty(readings)
    cells, equations = _sums(shapes, labels, empty)
    known: dict[Cell, int] = {}
    rows: dict[Cell, tuple[tuple[CountReading, CountedRow], ...]] = defaultdict(tuple)
    hidden: set[Cell] = set()
    contradiction = False
    for reading in readings:
        for row in reading.rows:
            if row.count is None or (reading.source, row.row) in withheld:
                hidden.add(row.cell)
            elif known.setdefault(row.cell, row.count) == row.count:
                rows[row.cell] += ((reading, row),)
            else:
                contradiction = True
    return Lattice(
        known,
        dict(rows),
        frozenset(hidden - known.keys()),
        frozenset(cells),
        tuple(equations),
        contradiction,
    )


def _shapes(readings: Sequence[CountReading], steps: WorkLimit) -> list[tuple[str, ...]]:
    """Return the dimensions of the tables, and those that form circles together.

    Without those contained in another.
    """
    every = {frozenset(reading.dimensions) for reading in readings}
    every.add(_circular(every, steps))
    return [tuple(sorted(shape)) for shape in _largest(every)]


def _largest(tables: Collection[frozenset[str]]) -> set[frozenset[str]]:
    """Return those of `tables` that no other table contains."""
    of_name: dict[str, list[frozenset[str]]] = defaultdict(list)
    for table in tables:
        for name in table:
            of_name[name].append(table)
    found = set()
    for table in tables:
        # A table that contains this one has its rarest dimension too.
        others = min((of_name[name] for name in table), key=len, default=tables)
        if not any(table < other for other in others):
            found.add(table)
    return found


def _circular(tables: Collection[frozenset[str]], steps: WorkLimit) -> frozenset[str]:
    """Return the dimensions of `tables` that form circles.

    Removes dimensions of only one table, and tables that another contains, until nothing changes
    (the reduction of Graham, and of Yu and Ozsoyoglu; Beeri et al. 1983, Desirability of acyclic
    database schemes).
    """
    remaining = set(tables)
    while True:
        steps.take(1 + len(remaining) // 4)
        times = Counter(name for table in remaining for name in table)
        shorter = {frozenset(name for name in table if times[name] > 1) for table in remaining}
        shorter = _largest(shorter)
        if shorter == remaining:
            return frozenset().union(*remaining)
        remaining = shorter


def _size(shape: Sequence[str], labels: Labels) -> int:
    return prod(len(labels[name]) + 1 for name in shape)


def _closed_dimensions(readings: Sequence[CountReading], labels: Labels) -> set[str]:
    """Return the dimensions of which a table has all labels, and no people with others."""
    return {
        name
        for reading in readings
        if not reading.lacking(labels) and not _open_dimensions([reading])
        for name in reading.dimensions
    }


def _sums(
    shapes: Sequence[tuple[str, ...]],
    labels: Mapping[str, set[str]],
    empty: Mapping[tuple[str, str], Mapping[str, str]],
) -> tuple[set[Cell], list[dict[Cell, int]]]:
    cells: set[Cell] = set()
    equations: dict[tuple[Cell, str], dict[Cell, int]] = {}
    for shape in shapes:
        for chosen in projections(shape):
            for values in product(*(sorted(labels[name]) for name in chosen)):
                cell = frozenset(zip(chosen, values, strict=True))
                if _is_empty(cell, empty):
                    continue
                cells.add(cell)
                name = next((name for name in shape if name not in chosen), None)
                if name is None or (cell, name) in equations:
                    continue
                parts = (cell | {(name, label)} for label in labels[name])
                equation = {part: 1 for part in parts if not _is_empty(part, empty)}
                equations[cell, name] = equation | {cell: -1}
    return cells, list(equations.values())


def _open_dimensions(readings: Sequence[CountReading]) -> set[str]:
    """Return the dimensions of which a table's total counts more people than all of its rows."""
    found: set[str] = set()
    for reading in readings:
        counts = {row.cell: row.count for row in reading.rows}
        labels = reading.labels()
        for cell, count in counts.items():
            for name in reading.dimensions:
                if any(part[0] == name for part in cell) or count is None:
                    continue
                parts = [counts.get(cell | {(name, label)}) for label in labels[name]]
                if None not in parts and sum(p for p in parts if p is not None) < count:
                    found.add(name)
    return found


def _structurally_empty(
    readings: Sequence[CountReading],
) -> dict[tuple[str, str], dict[str, str]]:
    """Map pairs of dimensions where each label is part of one label of the other: town, country.

    That the other combinations have no people is known to everybody.
    """
    found: dict[tuple[str, str], dict[str, str]] = {}
    pairs: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for reading in readings:
        for leaf in reading.leaves:
            extra = leaf.cell - reading.within  # the labels of `within` are those of every row
            for inner, low in extra:
                for outer, high in extra:
                    if inner != outer:
                        pairs[inner, outer].add((low, high))
    for names, seen in pairs.items():
        inside = dict(seen)
        if len(inside) == len(seen) and len(inside) > len(set(inside.values())) > 1:
            found[names] = inside
    return found


def _is_empty(cell: Cell, nested: Mapping[tuple[str, str], Mapping[str, str]]) -> bool:
    if not nested:
        return False
    labels = dict(cell)
    return any(
        inner in labels
        and outer in labels
        and inside.get(labels[inner], labels[outer]) != labels[outer]
        for (inner, outer), inside in nested.items()
    )
