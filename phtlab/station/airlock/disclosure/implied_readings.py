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
    """Read a scalar that counts as many people as a table's cell as the count of that cell."""
    found: dict[tuple[str, Cell], CountReading] = {}
    for draft in counted:
        has_no_condition = draft.count is not None and not draft.output.where
        for reading in readings if has_no_condition else ():
            if not reading.whole or reading.source == draft.output.name:
                continue
            steps.take(1 + len(reading.rows) // 4)
            for cell in _cells_counting(reading, draft.count or 0):
                steps.take()
                names = tuple(sorted(name for name, _ in cell))
                row = CountedRow(cell, draft.count, 0)
                own_reading = CountReading(
                    draft.output.name, names, (row,), whole=False, within=cell
                )
                found[draft.output.name, cell] = own_reading
    return list(found.values())


def _cells_counting(reading: CountReading, people: int) -> Iterator[Cell]:
    """Yield the rows of a table, and the labels of its dimensions, that count so many people."""
    for name in reading.dimensions:
        over = frozenset({name})
        yield from (cell for cell, (_, n) in reading.sums(over).items() if n == people)
    yield from (row.cell for row in reading.rows if row.cell and row.count == people)


def tables_of_everybody(
    readings: Sequence[CountReading], everybody: Everybody
) -> list[CountReading]:
    """Read tables with a condition (`within`) without it, where they count as many as all people.

    The condition may be true of everybody; both readings are compared.
    """
    totals = {reading.total for reading in readings if reading.whole and not reading.within}
    found = []
    for reading in readings:
        condition = reading.within
        if not (reading.whole and condition and reading.total is not None):
            continue
        known = everybody is not None and everybody[0] <= reading.total <= everybody[1]
        if reading.total in totals or known:
            outside = {name for name, _ in condition}
            found.append(
                replace(
                    reading,
                    dimensions=tuple(name for name in reading.dimensions if name not in outside),
                    rows=tuple(replace(row, cell=row.cell - condition) for row in reading.rows),
                    within=EVERYBODY,
                    marks=reading.marks.moved(partial(_outside, condition)),
                    guessed=frozenset(outside),
                    _sums={},
                )
            )
    return found


def _outside(condition: Cell, cell: Cell) -> Cell:
    return cell - condition
