"""Small or withheld cells that can be computed from what leaves together with what has left.

For tables that may be about the same people (`table_groups.py`), a cell can be computed if no
counts that fit the tables make it large (`linear_bounds.py`; Hundepool et al. 2024, sections 4.2
and 5.2; Fischetti and Salazar 2001).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from phtlab.station.airlock.cells import EVERYBODY, Cell, CountedRow
from phtlab.station.airlock.disclosure.count_reading import CountReading, all_labels
from phtlab.station.airlock.disclosure.lattice import OTHERS, Lattice, lattice_of
from phtlab.station.airlock.disclosure.linear_bounds import (
    TOLERANCE,
    Bound,
    CountSystem,
    UnsolvedError,
)
from phtlab.station.airlock.disclosure.table_groups import Everybody, counts_all
from phtlab.station.airlock.work_limit import WorkLimit

Withheld = Collection[tuple[str, int | None]]
_PAIR: Final = 2


@dataclass(frozen=True)
class InferredCell:
    """A cell that a reader could compute: its value, or the largest value that it can have.

    `rows` are the rows, as source and number, without one of which the cell could not be computed;
    `counts` are their counts.
    """

    cell: Cell
    value: float
    exact: bool
    rows: tuple[tuple[str, int], ...]
    counts: Mapping[tuple[str, int], int]


def inferred_cells(
    group: Sequence[CountReading],
    withheld: Withheld,
    minimum: int,
    steps: WorkLimit,
    protected: Collection[Cell] = (),
    everybody: Everybody = None,
) -> Iterator[InferredCell]:
    """Yield the cells below `minimum`, and those of `protected`, that the group's tables disclose.

    The reader is assumed to know how many people there are: `everybody`, at least and at most. Only
    cells that need a row of this stop, and no parts of such a cell. Raises TooManyCellsError,
    UnsolvedError and TooManyStepsError.
    """
    if not any(counts_all(reading, everybody) for reading in group):
        everybody = None
    if len(group) == 1 and not (group[0].sums_up or group[0].within or everybody):
        return
    if not protected and _are_all_known(group, withheld, minimum):
        return
    for lattice, counts in _solved(group, withheld, minimum, everybody, steps):
        for cell in chain(_small(lattice, counts, steps), _exact(lattice, counts, protected)):
            if cell.rows:
                yield cell


def _are_all_known(group: Sequence[CountReading], withheld: Withheld, minimum: int) -> bool:
    """Return whether every cell of every table leaves and is large, and so each sum of them.

    For three tables or more with different dimensions, a cell over all dimensions may still be
    small.
    """
    if len({frozenset(reading.dimensions) for reading in group}) > _PAIR:
        return False
    labels = all_labels(group)
    return all(
        not reading.lacking(labels)
        and not reading.sums_up
        and _is_full(reading)
        and all(
            row.count is not None
            and row.count >= minimum
            and (reading.source, row.row) not in withheld
            for row in reading.rows
        )
        for reading in group
    )


def _is_full(reading: CountReading) -> bool:
    ((_, high),) = reading.sums(frozenset()).values() or ((0, None),)
    return high is not None


def _small(lattice: Lattice, counts: CountSystem[Cell], steps: WorkLimit) -> Iterator[InferredCell]:
    found: list[Cell] = []
    levels: dict[int, list[Cell]] = defaultdict(list)
    for cell in sorted(lattice.cells - lattice.known.keys(), key=sorted):
        levels[len(cell)].append(cell)
    for _, level in sorted(levels.items()):
        # A part of a small cell is no larger than the cell.
        steps.take(len(level) * len(found) // 64)
        cells = [cell for cell in level if not any(small < cell for small in found)]
        for cell, most in counts.small(cells):
            if not any(label == OTHERS for _, label in cell):
                found.append(cell)
                yield _inferred_cell(lattice, cell, most, exact=False)
            elif (least := counts.interval(cell)[0]).value > TOLERANCE or len(cell) > 1:
                # That everybody has a label (was asked, for example) is no secret.
                found.append(cell)
                yield _inferred_cell(
                    lattice, cell, most, exact=least.value > most.value - TOLERANCE
                )


def _exact(
    lattice: Lattice, counts: CountSystem[Cell], protected: Collection[Cell]
) -> Iterator[InferredCell]:
    for cell in sorted(lattice.cells.intersection(protected) - lattice.known.keys(), key=sorted):
        least, most = counts.interval(cell)
        if most is not None and most.value < least.value + TOLERANCE:
            both = Bound(most.value, least.support | most.support)
            yield _inferred_cell(lattice, cell, both, exact=True)


def _inferred_cell(
    lattice: Lattice, cell: Cell, bound: Bound[Cell], *, exact: bool
) -> InferredCell:
    counts: dict[tuple[str, int], int] = {}
    for supporting in bound.support:
        source_rows = lattice.rows.get(supporting, ())
        if any(_is_released(reading, row) for reading, row in source_rows):
            continue  # already released: withholding a row would not help
        for reading, row in source_rows:
            if row.row is not None:
                counts[reading.source, row.row] = lattice.known[supporting]
    return InferredCell(cell, round(bound.value, 3), exact, tuple(counts), counts)


def _is_released(reading: CountReading, row: CountedRow) -> bool:
    guessed = any(name in reading.guessed for name, _ in row.cell)
    return row.row is None and not reading.pending and not guessed


World = tuple[Lattice, CountSystem[Cell]]


def _solved(
    group: Sequence[CountReading],
    withheld: Withheld,
    minimum: int,
    everybody: Everybody,
    steps: WorkLimit,
) -> list[World]:
    """Return the worlds that fit the group, or else as many of its tables as possible.

    Raises UnsolvedError for a table of this stop that contradicts itself.
    """
    if found := _fitting(group, withheld, minimum, everybody, steps):
        return found
    kept: list[CountReading] = []
    best: list[World] = []
    for reading in group:
        if found := _fitting([*kept, reading], withheld, minimum, None, steps):
            kept.append(reading)
            best = found
        elif any(row.row is not None for row in reading.rows) and not _fitting(
            [reading], withheld, minimum, None, steps
        ):
            raise UnsolvedError
    return best


def _fitting(
    group: Sequence[CountReading],
    withheld: Withheld,
    minimum: int,
    everybody: Everybody,
    steps: WorkLimit,
) -> list[World]:
    """Return the fitting worlds with the fewest assumptions about people whom no table counts.

    A reader knows the labels; if the counts do not fit those, some people have other labels: in one
    dimension (their values are missing), or in all.
    """
    between = {EVERYBODY: everybody} if everybody else {}
    names = sorted({name for reading in group for name in reading.dimensions})
    worlds: list[list[tuple[bool, tuple[str, ...]]]] = [
        [(True, ())],
        [(True, (name,)) for name in names],
        [(False, ())],
        [(False, tuple(names))],
    ]
    for alike in worlds:
        found = []
        for closed, opened in alike:
            lattice = lattice_of(group, withheld, steps, closed=closed, opened=opened)
            if lattice.contradiction:
                return []
            counts = CountSystem(lattice.equations, lattice.known, minimum, between, steps)
            if counts.exist():
                found.append((lattice, counts))
        if found:
            return found
    return []
