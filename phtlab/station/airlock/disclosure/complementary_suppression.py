"""Complementary suppression: further rows stay, until no withheld or small cell can be computed.

Which ones: of the rows without which it could not be, the one that counts the fewest people, so
that the least is lost; over and over until nothing follows any more. That is no optimum (finding
one is a hard problem: Fischetti and Salazar 2001), and it always ends: at worst all rows stay.
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
"""So many rows are tried again, whether they could not leave after all."""


@dataclass(frozen=True)
class ComplementarySuppression:
    """`rows` stay too, by source; `cells` says to the operator what could be computed.

    `blamed` are sources of which a row would have to stay and cannot; `unchecked` are sources
    that are too large to be held against the others.
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
    """The rows that have to stay beside those `withheld`, as source and row.

    `everybody` is how many people a reader knows there are, at least and at most.

    Rows of sources that are not `removable` (a picture, a scalar, a table whose policy asks a
    person) stay where they are: their source is blamed. Raises TooManyStepsError.
    """
    taken: set[Row] = set()
    why: dict[str, list[str]] = {}
    blamed: dict[str, None] = {}
    unchecked: dict[str, None] = {}
    gone = set(withheld)
    groups = tables_of_same_people(readings, steps, everybody)
    counts: dict[Row, int] = {}

    def found_in(group: Sequence[CountReading], gone: Collection[Row]) -> Iterator[InferredCell]:
        return inferred_cells(group, gone, minimum, steps, protected, everybody)

    for group in groups:
        while True:
            try:
                found = [*found_in(group, gone | taken)]
            except (TooManyCellsError, UnsolvedError):
                unchecked |= dict.fromkeys(_of_this_stop(group))
                break
            if not found:
                break
            for one in found:
                for source in {source for source, _ in one.rows}:
                    why.setdefault(source, []).append(_words(one))
            counts |= {row: one.counts[row] for one in found for row in one.rows}
            chosen = _chosen(found, removable)
            taken |= chosen
            if not chosen:
                # Without them others may still tell the same.
                to_blame = {source for one in found for source, _ in one.rows}
                blamed |= dict.fromkeys(sorted(to_blame))
                gone |= _rows_of(to_blame, group)
    taken = _needed(groups, gone, taken, counts, found_in)
    rows: dict[str, set[int]] = {}
    for source, row in taken:
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
    taken: set[Row],
    counts: Mapping[Row, int],
    found_in: Callable[[Sequence[CountReading], Collection[Row]], Iterator[InferredCell]],
) -> set[Row]:
    """`taken` without the rows that may leave after all, now that others stay."""
    if len(taken) > _MOST_TRIED:
        return taken
    needed = set(taken)
    for row in sorted(taken, key=lambda row: (-counts[row], row)):
        fewer = {*withheld, *needed} - {row}
        about = [group for group in groups if any(one.source == row[0] for one in group)]
        if not any(True for group in about for _ in found_in(group, fewer)):
            needed.discard(row)
    return needed


def _chosen(found: Sequence[InferredCell], removable: Collection[str]) -> set[Row]:
    """One row for each cell that is told, none for a cell that one of the chosen serves."""
    chosen: set[Row] = set()
    for one in sorted(found, key=lambda cell: len(cell.rows)):
        if chosen & set(one.rows):
            continue
        possible = [row for row in one.rows if row[0] in removable]
        if possible:
            chosen.add(min(possible, key=lambda row: (one.counts[row], row)))
    return chosen


def _words(one: InferredCell) -> str:
    value = f"{one.value:g}" if one.exact else f"at most {one.value:g}"
    return f"{described(one.cell)} would be {value}"


def _of_this_stop(group: Sequence[CountReading]) -> list[str]:
    return [reading.source for reading in group if any(row.row is not None for row in reading.rows)]
