"""The cells of tables of the same people, with their sums: what a reader of them can write down.

For each table all its cells on all levels, down from everybody, and for each cell and each further
dimension that the cell is the sum of its parts. Cells of two tables that say the same are one
cell, so that what one table tells of a sum limits the other. That is all that follows by linear
algebra: tables that agree on their common sums always come from some common table (which may need
negative counts; that is what the bounds are for).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Final

from phtlab.station.airlock.cells import Cell, CountedRow, Reading, projections

MOST_CELLS: Final = 4_000
"""Cells on all levels, of tables that are held against each other."""
OTHERS: Final = "\0others"
"""The label of people whom a table's total counts and its rows do not."""


class TooManyCellsError(Exception):
    """The tables have more cells than are held against each other."""


@dataclass(frozen=True)
class Lattice:
    """`known` are the counts that have left or would; `rows` the rows that tell each of them.

    `hidden` are rows that stay. `equations` are weights of cells whose sum is zero.
    """

    known: Mapping[Cell, int]
    rows: Mapping[Cell, tuple[tuple[Reading, CountedRow], ...]]
    hidden: frozenset[Cell]
    cells: frozenset[Cell]
    equations: tuple[Mapping[Cell, int], ...]
    contradiction: bool


def lattice_of(
    readings: Sequence[Reading], withheld: Collection[tuple[str, int | None]]
) -> Lattice:
    """The lattice of tables that may be about the same people.

    `withheld` names the rows that stay, as source and row; of an earlier stop those without a
    count. Raises TooManyCellsError.
    """
    labels: dict[str, set[str]] = defaultdict(set)
    for reading in readings:
        for name, seen in reading.labels().items():
            labels[name] |= seen
    for name in _open_dimensions(readings):
        labels[name].add(OTHERS)
    shapes = _shapes(readings)
    if sum(prod(len(labels[name]) + 1 for name in shape) for shape in shapes) > MOST_CELLS:
        raise TooManyCellsError
    empty = _structurally_empty(readings)
    cells, equations = _sums(shapes, labels, empty)
    known: dict[Cell, int] = {}
    rows: dict[Cell, tuple[tuple[Reading, CountedRow], ...]] = defaultdict(tuple)
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


def _shapes(readings: Sequence[Reading]) -> list[tuple[str, ...]]:
    """The dimensions of the tables, without those that another table has and more."""
    every = {frozenset(reading.dimensions) for reading in readings}
    return [tuple(sorted(one)) for one in every if not any(one < other for other in every)]


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
                for name in shape:
                    if name in chosen or (cell, name) in equations:
                        continue
                    parts = (cell | {(name, label)} for label in labels[name])
                    equation = {part: 1 for part in parts if not _is_empty(part, empty)}
                    equations[cell, name] = equation | {cell: -1}
    return cells, list(equations.values())


def _open_dimensions(readings: Sequence[Reading]) -> set[str]:
    """Dimensions of which a table's own total counts more people than all of its rows."""
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
    readings: Sequence[Reading],
) -> dict[tuple[str, str], dict[str, str]]:
    """For dimensions where each label lies in one label of another (a town in a country): which.

    That nobody is in the other combinations is known to everyone.
    """
    found: dict[tuple[str, str], dict[str, str]] = {}
    pairs: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for reading in readings:
        for leaf in reading.leaves:
            for inner, low in leaf.cell:
                for outer, high in leaf.cell:
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
