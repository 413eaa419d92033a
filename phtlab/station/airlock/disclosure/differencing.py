"""Differencing: a count beside another count of almost the same people.

A recipient of both counts knows the few people by which they differ. Source: Hundepool et al.
(2024), Handbook on Statistical Disclosure Control, 2nd edition, section 5.2: differencing of areas,
of linked tables and of sub-populations, and recoded variables. `inferred_cells.py` compares tables
of exactly the same people; this module compares tables of others: another age limit, another day,
men only.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from phtlab.station.airlock.cells import OF, Cell, CountedRow, is_drawn
from phtlab.station.airlock.disclosure.count_reading import CountReading

_FEW_ROWS: Final = 2


def close_rows(
    reading: CountReading,
    others: Sequence[CountReading],
    minimum: int,
    withheld: Collection[int | None] = (),
) -> list[tuple[CountedRow, int]]:
    """Return the rows to withhold because a sum of `reading` and one of `others` differ by too few.

    With each row the other count. Equal counts are treated as the same people. Tables are compared
    by their sums over the dimensions that both have; for a sum of several rows, the function
    chooses the smallest row that is not `withheld`. Two figures, whose series, axes and places
    describe the drawing rather than the people, are also compared mark by mark in order of size.
    """
    found: dict[int | None, tuple[CountedRow, int]] = {}
    of_cell = {row.cell: row for row in reading.rows}
    for other in others:
        ours, theirs = frozenset(reading.dimensions), frozenset(other.dimensions)
        if other.source == reading.source or not (other.whole and reading.whole):
            continue
        if is_drawn(ours) and is_drawn(theirs):
            for mark, theirs_of_it in _drawn_alike(reading, other, minimum):
                found.setdefault(mark.row, (mark, theirs_of_it))
        if not ours & theirs and ours | theirs and not withheld:
            continue  # `close_total` compares the totals
        if (OF in ours) != (OF in theirs):
            continue
        for cell, ours_of_it, theirs_of_it in _differing(reading, other, ours & theirs):
            row = of_cell.get(cell)
            hidden = 0 if row is not None else _hidden(reading, cell, withheld)
            if _isolates_few(ours_of_it, hidden, theirs_of_it, minimum):
                row = row or _smallest_within(reading, cell, withheld)
                if row is not None:
                    found.setdefault(row.row, (row, theirs_of_it))
        if ours == theirs:
            for row, theirs_of_it in _recoded(reading, other, minimum):
                found.setdefault(row.row, (row, theirs_of_it))
    return list(found.values())


def close_total(
    reading: CountReading,
    others: Sequence[CountReading],
    minimum: int,
    everybody: tuple[int, int] | None,
) -> int | None:
    """Return another output's total if it differs from the total of `reading` by too few.

    Or the number of all people, `everybody`, if it is known exactly. Names of dimensions are
    ignored: the same people may have any names. Tables with withheld rows have no total; they are
    compared row by row in order of size. A mean or a model is about some people; it is compared
    with tables that have numbers beside their counts, by all people of the rows that leave.
    """
    total, ours = reading.total, reading.known_counts
    if total is not None and everybody is not None and OF not in reading.dimensions:
        least, most = everybody
        if least == most and 0 < abs(total - least) < minimum:
            return least
    for other in others:
        if not (reading.whole and other.whole) or other.source == reading.source:
            continue
        if (OF in reading.dimensions) != (OF in other.dimensions):
            # A count beside a mean discloses nothing: some people have no value.
            if (people := _close_values(reading, other, minimum)) is not None:
                return people
            continue
        if total is not None and other.total is not None:
            if 0 < abs(total - other.total) < minimum:
                return other.total
        elif _are_close(ours, theirs := other.known_counts, minimum):
            return sum(theirs)
    return None


def _close_values(reading: CountReading, other: CountReading, minimum: int) -> int | None:
    if not (reading.values and other.values):
        return None
    if is_drawn(reading.dimensions) or is_drawn(other.dimensions):
        return None  # its numbers are positions of marks
    pairs = ((ours, people) for ours in _in_all(reading) for people in _in_all(other))
    return next((people for ours, people in pairs if 0 < abs(ours - people) < minimum), None)


def _in_all(reading: CountReading) -> set[int]:
    """How many people the reading is about: its total, and the sum of counts if most are known."""
    found = {reading.total or 0}
    if 2 * len(reading.known_counts) >= len(reading.leaves):
        found.add(sum(reading.known_counts))
    return found - {0}


def _are_close(ours: Sequence[int], theirs: Sequence[int], minimum: int) -> bool:
    if len(ours) != len(theirs) or len(ours) < _FEW_ROWS:
        return False
    apart = [abs(own - other) for own, other in zip(ours, theirs, strict=True)]
    return max(apart) < minimum and 0 < abs(sum(ours) - sum(theirs)) < minimum


def _differing(
    reading: CountReading, other: CountReading, over: frozenset[str]
) -> Iterator[tuple[Cell, int, int]]:
    """Yield the cells over the common dimensions that both know exactly, with both counts."""
    ours, theirs = reading.sums(over), other.sums(over)
    for cell in ours.keys() & theirs.keys():
        (_, count), (_, count_there) = ours[cell], theirs[cell]
        if count is not None and count_there is not None:
            yield cell, count, count_there


def _hidden(reading: CountReading, cell: Cell, withheld: Collection[int | None]) -> int:
    """How many of the people in `cell` are in rows that are `withheld`."""
    return sum(row.count or 0 for row in reading.leaves if row.row in withheld and row.cell >= cell)


def _isolates_few(ours: int, hidden: int, theirs: int, minimum: int) -> bool:
    """Return whether `ours` without those `hidden`, and `theirs`, differ by too few.

    For exactly the same people, `inferred_cells.py` finds what can be computed.
    """
    if not hidden:
        return 0 < abs(ours - theirs) < minimum
    return ours != theirs and 0 < theirs - (ours - hidden) < minimum


def _smallest_within(
    reading: CountReading, cell: Cell, withheld: Collection[int | None]
) -> CountedRow | None:
    """Of the rows in `cell` that leave, return the one of the fewest people."""
    within = [row for row in reading.rows if row.cell >= cell and row.count]
    within = [row for row in within if row.row not in withheld]
    return min(within, key=lambda row: row.count or 0, default=None)


def _recoded(
    reading: CountReading, other: CountReading, minimum: int
) -> Iterator[tuple[CountedRow, int]]:
    """Yield rows with labels that `other` lacks, where other labels of it have the same people."""
    ours_labels, their_labels = reading.labels(), other.labels()
    for name in reading.dimensions:
        new = ours_labels[name] - their_labels[name]
        old = their_labels[name] - ours_labels[name]
        ours_by_rest = _by_rest(reading, name, new) if new and old else {}
        theirs_by_rest = _by_rest(other, name, old) if new and old else {}
        for rest, ours in ours_by_rest.items():
            theirs = theirs_by_rest.get(rest, [])
            if sum(r.count or 0 for r in ours) != sum(r.count or 0 for r in theirs):
                continue
            counts = sorted({before.count or 0 for before in theirs})
            for row in ours:
                count = row.count or 0
                first = bisect_right(counts, count - minimum)
                last = bisect_left(counts, count + minimum)
                yield from ((row, before) for before in counts[first:last] if before != count)


def _drawn_alike(
    reading: CountReading, other: CountReading, minimum: int
) -> Iterator[tuple[CountedRow, int]]:
    """Yield the marks by which a figure differs from a similar figure.

    Both have as many marks, and, in order of size, all counts are close; or, in the order in which
    they are drawn, at least half of the counts are equal: then most bars are the same, whatever the
    names of series, axes and places.
    """
    drawn, drawn_before = reading.leaves, other.leaves
    if reading.within != other.within or not _FEW_ROWS <= len(drawn) == len(drawn_before):
        return
    ours = sorted(drawn, key=lambda row: row.count or 0)
    sorted_pairs = list(zip(ours, other.known_counts, strict=False))
    if len(other.known_counts) == len(ours) and _none_apart(sorted_pairs, minimum):
        yield from ((row, before) for row, before in sorted_pairs if row.count != before)
        return
    pairs = [
        (r, leaf.count)
        for r, leaf in zip(drawn, drawn_before, strict=True)
        if leaf.count is not None
    ]
    same = sum(row.count == before for row, before in pairs)
    if same >= max(_FEW_ROWS, len(drawn) / 2):
        yield from (
            pair for pair in pairs if pair[0].count != pair[1] and _none_apart([pair], minimum)
        )


def _none_apart(pairs: Sequence[tuple[CountedRow, int]], minimum: int) -> bool:
    return all(abs((row.count or 0) - before) < minimum for row, before in pairs)


def _by_rest(
    reading: CountReading, name: str, labels: Collection[str]
) -> dict[Cell, list[CountedRow]]:
    """Return the rows with one of `labels`, by the labels of the other dimensions."""
    found: dict[Cell, list[CountedRow]] = defaultdict(list)
    for row in reading.leaves:
        part = next((part for part in row.cell if part[0] == name), None)
        if part is not None and part[1] in labels:
            found[row.cell - {part}].append(row)
    return found
