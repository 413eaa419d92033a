"""Complementary suppression: withhold more rows, until no withheld or small cell can be computed.

Of the rows without which a cell could not be computed, the one that counts the fewest people is
withheld, so that least is lost; this is repeated until no cell can be computed. The result is not
optimal (finding an optimum is a hard problem: Fischetti and Salazar 2001), and the search always
ends: at worst all rows are withheld.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from phtlab.station.airlock.cells import Cell, described
from phtlab.station.airlock.disclosure.count_reading import CountReading
from phtlab.station.airlock.disclosure.inferred_cells import InferredCell, inferred_cells
from phtlab.station.airlock.disclosure.lattice import TooManyCellsError
from phtlab.station.airlock.disclosure.linear_bounds import UnsolvedError
from phtlab.station.airlock.disclosure.table_groups import Everybody, tables_of_same_people
from phtlab.station.airlock.work_limit import WorkLimit
from phtlab.station.policy.airlock_findings import named

Row = tuple[str, int]
"""A row of this stop: the table's name, and the row's number."""
_MOST_TRIED: Final = 40
"""With more withheld rows than this, none is tried again for release."""


@dataclass(frozen=True)
class ComplementarySuppression:
    """`rows` are the further rows to withhold, by source; `cells` describe what could be computed.

    `cells` are for the operator. `blamed` are sources of which a row would have to be withheld and
    cannot be; `unchecked` are sources that are too large to be compared with the others.
    """

    rows: Mapping[str, set[int]]
    cells: Mapping[str, tuple[str, ...]]
    blamed: Collection[str] = ()
    unchecked: Collection[str] = ()


def complement(
    readings: Sequence[CountReading],
    withheld: Collection[Row],
    *,
    minimum: int,
    removable: Collection[str],
    steps: WorkLimit,
    protected: Collection[Cell] = (),
    everybody: Everybody = None,
) -> ComplementarySuppression:
    """Find the rows to withhold in addition to those `withheld`, as source and row.

    `everybody` is how many people a reader knows there are, at least and at most.

    Rows of sources that are not `removable` (a picture, a scalar, a table whose policy asks a
    person) are not withheld: their source is blamed. Raises TooManyStepsError.
    """
    removed: set[Row] = set()
    why: dict[str, list[str]] = {}
    blamed: dict[str, None] = {}
    unchecked: dict[str, None] = {}
    unavailable = set(withheld)
    groups = tables_of_same_people(readings, steps, everybody)
    counts: dict[Row, int] = {}

    def found_in(
        group: Sequence[CountReading], unavailable: Collection[Row]
    ) -> Iterator[InferredCell]:
        return inferred_cells(group, unavailable, minimum, steps, protected, everybody)

    for group in groups:
        while True:
            try:
                found = [*found_in(group, unavailable | removed)]
            except (TooManyCellsError, UnsolvedError):
                unchecked |= dict.fromkeys(_of_this_stop(group))
                break
            if not found:
                break
            for cell in found:
                for source in {source for source, _ in cell.rows}:
                    why.setdefault(source, []).append(_reason(cell))
            counts |= {row: cell.counts[row] for cell in found for row in cell.rows}
            chosen = _chosen(found, removable)
            removed |= chosen
            if not chosen:
                # Without those sources, others may still disclose the same cell.
                to_blame = {source for cell in found for source, _ in cell.rows}
                blamed |= dict.fromkeys(sorted(to_blame))
                unavailable |= _rows_of(to_blame, group)
    removed = _needed(groups, unavailable, removed, counts, found_in)
    rows: dict[str, set[int]] = {}
    for source, row in removed:
        rows.setdefault(source, set()).add(row)
    return ComplementarySuppression(
        rows,
        {source: named(dict.fromkeys(words)) for source, words in why.items()},
        tuple(blamed),
        tuple(unchecked),
    )


def _rows_of(sources: Collection[str], group: Sequence[CountReading]) -> set[Row]:
    return {
        (reading.source, row.row)
        for reading in group
        if reading.source in sources
        for row in reading.rows
        if row.row is not None
    }


def _needed(
    groups: Sequence[Sequence[CountReading]],
    withheld: Collection[Row],
    removed: set[Row],
    counts: Mapping[Row, int],
    found_in: Callable[[Sequence[CountReading], Collection[Row]], Iterator[InferredCell]],
) -> set[Row]:
    """Return `removed` without the rows that may leave after all, now that others are withheld."""
    if len(removed) > _MOST_TRIED:
        return removed
    needed = set(removed)
    for row in sorted(removed, key=lambda row: (-counts[row], row)):
        fewer = {*withheld, *needed} - {row}
        about = [group for group in groups if any(cell.source == row[0] for cell in group)]
        if not any(True for group in about for _ in found_in(group, fewer)):
            needed.discard(row)
    return needed


def _chosen(found: Sequence[InferredCell], removable: Collection[str]) -> set[Row]:
    """Choose a row for each inferred cell, unless a row already chosen protects the cell."""
    chosen: set[Row] = set()
    for cell in sorted(found, key=lambda cell: len(cell.rows)):
        if chosen & set(cell.rows):
            continue
        possible = [row for row in cell.rows if row[0] in removable]
        if possible:
            chosen.add(min(possible, key=lambda row: (cell.counts[row], row)))
    return chosen


def _reason(cell: InferredCell) -> str:
    value = f"{cell.value:g}" if cell.exact else f"at most {cell.value:g}"
    return f"{described(cell.cell)} would be {value}"


def _of_this_stop(group: Sequence[CountReading]) -> list[str]:
    return [reading.source for reading in group if any(row.row is not None for row in reading.rows)]
