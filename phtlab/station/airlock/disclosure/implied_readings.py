"""What outputs may count beside what they say: a cell of another table, or everybody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from phtlab.station.airlock.cells import EVERYBODY, Cell, CountedRow
from phtlab.station.airlock.disclosure.count_reading import CountReading
from phtlab.station.airlock.disclosure.table_groups import Everybody
from phtlab.station.airlock.marked_output import MarkedOutput
from phtlab.station.airlock.work_limit import WorkLimit


def scalars_as_cells(
    counted: Sequence[MarkedOutput], readings: Sequence[CountReading], steps: WorkLimit
) -> list[CountReading]:
    """A scalar that counts as many people as a cell of a table may be the count of just that."""
    found: dict[tuple[str, Cell], CountReading] = {}
    for draft in counted:
        says_nothing = draft.count is not None and not draft.output.where
        for reading in readings if says_nothing else ():
            if not reading.whole or reading.source == draft.output.name:
                continue
            steps.take(1 + len(reading.rows) // 4)
            for cell in _cells_counting(reading, draft.count or 0):
                steps.take()
                names = tuple(sorted(name for name, _ in cell))
                row = CountedRow(cell, draft.count, 0)
                one = CountReading(draft.output.name, names, (row,), whole=False, within=cell)
                found[draft.output.name, cell] = one
    return list(found.values())


def _cells_counting(reading: CountReading, people: int) -> Iterator[Cell]:
    """The rows of a table, and the labels of its dimensions, that count so many."""
    for name in reading.dimensions:
        over = frozenset({name})
        yield from (cell for cell, (_, n) in reading.sums(over).items() if n == people)
    yield from (row.cell for row in reading.rows if row.cell and row.count == people)


def tables_of_everybody(
    readings: Sequence[CountReading], everybody: Everybody
) -> list[CountReading]:
    """Tables and counts that say of whom they are, and count as many as those that say nothing.

    What is said may be true of everybody: they are read as if it were not there too.
    """
    totals = {one.total for one in readings if one.whole and not one.within}
    found = []
    for one in readings:
        said = one.within
        if not (one.whole and said and one.total is not None):
            continue
        known = everybody is not None and everybody[0] <= one.total <= everybody[1]
        if one.total in totals or known:
            outside = {name for name, _ in said}
            found.append(
                replace(
                    one,
                    dimensions=tuple(name for name in one.dimensions if name not in outside),
                    rows=tuple(replace(row, cell=row.cell - said) for row in one.rows),
                    within=EVERYBODY,
                    marks=one.marks.moved(partial(_outside, said)),
                    guessed=frozenset(outside),
                    _sums={},
                )
            )
    return found


def _outside(said: Cell, cell: Cell) -> Cell:
    return cell - said
