"""Which small or withheld cells can be computed from what leaves together with what has left.

Tables of a stop and of earlier stops are put together as far as they can be about the same people:
their common sums agree. Then all follows that does by exact linear algebra, and by bounds because
no count is below zero (Hundepool et al. 2024, sections 4.2 and 5.2; Fischetti and Salazar 2001).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from phtlab.station.airlock.algebra import Determined, InconsistentError, bounds, determined
from phtlab.station.airlock.cells import Cell, Reading, agree
from phtlab.station.airlock.lattice import OTHERS, Lattice, lattice_of

Withheld = Collection[tuple[str, int | None]]


@dataclass(frozen=True)
class Told:
    """A cell that a reader could compute: its value, or the most that it can be.

    `rows` are the rows, as source and number, without one of which it could not be, and `last`
    names the sources of the rows that have left before.
    """

    cell: Cell
    value: Fraction
    exact: bool
    rows: tuple[tuple[str, int], ...]
    counts: Mapping[tuple[str, int], int]


def together(readings: Sequence[Reading]) -> list[list[Reading]]:
    """The readings, in groups that may each be about the same people.

    Around each table the others are gathered as far as they agree with all that are there. A
    part of a table is only taken for people that another table counts if a sum says so.
    """
    groups: list[list[Reading]] = []
    for seed in readings:
        if not seed.whole:
            continue
        group = [seed]
        for other in readings:
            if other is not seed and _joins(other, group):
                group.append(other)
        if all(row.row is None for member in group for row in member.rows):
            continue  # nothing of this stop: it has all left
        if not any({*map(id, group)} == {*map(id, known)} for known in groups):
            groups.append(group)
    return groups


def told(
    group: Sequence[Reading], withheld: Withheld, minimum: int, protected: Collection[Cell] = ()
) -> list[Told]:
    """The cells below `minimum`, and those of `protected`, that the group's tables give away.

    Only those that need a row of this stop. Raises TooManyCellsError.
    """
    if len(group) == 1 and not group[0].sums_up:
        return []
    if not protected and _all_told(group, withheld, minimum):
        return []
    solved = _solved(group, withheld)
    if solved is None:
        return []
    lattice, exact = solved
    found = [
        _told(lattice, cell, one.value, one.support, exact=True)
        for cell, one in exact.items()
        if (_small(cell, one.value, minimum) or cell in protected) and cell not in lattice.known
    ]
    found += _bounded(lattice, exact, minimum)
    return [one for one in found if one.rows]


def _all_told(group: Sequence[Reading], withheld: Withheld, minimum: int) -> bool:
    """Whether every cell of every table leaves and is large: so is then each sum of them."""
    labels: dict[str, set[str]] = {}
    for reading in group:
        for name, seen in reading.labels().items():
            labels[name] = labels.get(name, set()) | seen
    return all(
        len(reading.leaves) == prod(len(labels[name]) for name in reading.dimensions)
        and not reading.sums_up
        and all(
            row.count is not None
            and row.count >= minimum
            and (reading.source, row.row) not in withheld
            for row in reading.rows
        )
        for reading in group
    )


def _bounded(lattice: Lattice, exact: Mapping[Cell, Determined[Cell]], minimum: int) -> list[Told]:
    values = dict(lattice.known) | {cell: int(one.value) for cell, one in exact.items()}
    limits = bounds(lattice.equations, values)
    found = []
    for cell, most in limits.high.items():
        if most >= minimum or most < 0 or any(label == OTHERS for _, label in cell):
            continue
        support = _behind(cell, limits.why, lattice, exact)
        found.append(_told(lattice, cell, Fraction(most), support, exact=False))
    return found


def _behind(
    cell: Cell,
    why: Mapping[Cell, Mapping[Cell, int]],
    lattice: Lattice,
    exact: Mapping[Cell, Determined[Cell]],
) -> set[Cell]:
    """The known cells that a bound follows from."""
    support: set[Cell] = set()
    seen: set[Cell] = set()
    waiting = [cell]
    while waiting:
        for other in why.get(waiting.pop(), {}):
            if other in seen:
                continue
            seen.add(other)
            if other in lattice.known:
                support.add(other)
            elif other in exact:
                support |= exact[other].support
            else:
                waiting.append(other)
    return support


def _told(
    lattice: Lattice, cell: Cell, value: Fraction, support: Collection[Cell], *, exact: bool
) -> Told:
    counts: dict[tuple[str, int], int] = {}
    for one in support:
        told_by = lattice.rows[one]
        if any(row.row is None and not reading.pending for reading, row in told_by):
            continue  # it has left before: to withhold it now would change nothing
        for reading, row in told_by:
            if row.row is not None:
                counts[reading.source, row.row] = lattice.known[one]
    return Told(cell, value, exact, tuple(counts), counts)


def _small(cell: Cell, value: Fraction, minimum: int) -> bool:
    # People of no label are none, where there are none; of a label of the table, that is told.
    least = 1 if any(label == OTHERS for _, label in cell) else 0
    return least <= value < minimum


def _solved(
    group: Sequence[Reading], withheld: Withheld
) -> tuple[Lattice, dict[Cell, Determined[Cell]]] | None:
    """What follows in the group; if it contradicts itself, in as many of its tables as do not."""
    lattice = lattice_of(group, withheld)
    exact = _following(lattice)
    if exact is not None:
        return lattice, exact
    kept: list[Reading] = []
    best = None
    for reading in group:
        lattice = lattice_of([*kept, reading], withheld)
        exact = _following(lattice)
        if exact is not None:
            kept.append(reading)
            best = lattice, exact
    return best


def _following(lattice: Lattice) -> dict[Cell, Determined[Cell]] | None:
    """What follows exactly, or None if no counts of people fit."""
    if lattice.contradiction:
        return None
    try:
        exact = determined(lattice.equations, lattice.known)
    except InconsistentError:
        return None
    fits = all(one.value >= 0 and one.value.denominator == 1 for one in exact.values())
    return exact if fits else None


def _joins(other: Reading, group: Sequence[Reading]) -> bool:
    same = 0
    for member in group:
        if member.source == other.source and len(other.rows) > 1:
            return False  # a scalar may be the count of each cell that counts as many
        fits, seen = agree(member, other)
        if not fits:
            return False
        if seen and (set(member.dimensions) & set(other.dimensions) or not other.dimensions):
            same += seen
    return same > 0 or (other.whole and all(member.whole for member in group))
