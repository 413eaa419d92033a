"""Which small or withheld cells can be computed from what leaves together with what has left.

Tables of a stop and of earlier stops are put together as far as they can be about the same people:
their common sums agree. Then a cell can be computed if no counts of people that fit have it large
(`linear_bounds.py`; Hundepool et al. 2024, sections 4.2 and 5.2; Fischetti and Salazar 2001).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from phtlab.station.airlock.cells import EVERYBODY, Cell, CountedRow
from phtlab.station.airlock.lattice import OTHERS, Lattice, lattice_of
from phtlab.station.airlock.linear_bounds import TOLERANCE, Bound, Counts, UnsolvedError
from phtlab.station.airlock.reading import Labels, Reading, agree, all_labels

Withheld = Collection[tuple[str, int | None]]
Everybody = tuple[int, int] | None
_PAIR: Final = 2


@dataclass(frozen=True)
class Told:
    """A cell that a reader could compute: its value, or the most that it can be.

    `rows` are the rows, as source and number, without one of which it could not be.
    """

    cell: Cell
    value: float
    exact: bool
    rows: tuple[tuple[str, int], ...]
    counts: Mapping[tuple[str, int], int]


def together(readings: Sequence[Reading], everybody: Everybody = None) -> list[list[Reading]]:
    """The readings, in groups that may each be about the same people.

    Around each table, and each part of one that may be of `everybody`, the others are gathered as
    far as they agree with all that are there. A part of a table is only taken for people that
    another table counts if a sum says so. What is read under names of others is also looked at
    without them: they may be others by chance.
    """
    groups: list[list[Reading]] = []
    own_names = [one for one in readings if not one.guessed]
    seeds: list[tuple[Reading, Sequence[Reading]]]
    seeds = [(seed, own_names) for seed in own_names if seed.whole or _counts_all(seed, everybody)]
    if len(own_names) < len(readings):
        seeds += [(seed, readings) for seed in readings if seed.whole]
    for seed, among in seeds:
        group = _gathered(seed, among)
        if all(row.row is None for member in group for row in member.rows):
            continue  # nothing of this stop: it has all left
        if not any({*map(id, group)} == {*map(id, known)} for known in groups):
            groups.append(group)
    return groups


def told(
    group: Sequence[Reading],
    withheld: Withheld,
    minimum: int,
    protected: Collection[Cell] = (),
    everybody: Everybody = None,
) -> Iterator[Told]:
    """The cells below `minimum`, and those of `protected`, that the group's tables give away.

    To a reader who knows how many people there are: `everybody`, at least and at most.
    Only those that need a row of this stop, and no parts of such a cell. Raises TooManyCellsError
    and UnsolvedError.
    """
    if not any(_counts_all(reading, everybody) for reading in group):
        everybody = None
    if len(group) == 1 and not (group[0].sums_up or group[0].within or everybody):
        return
    if not protected and _all_told(group, withheld, minimum):
        return
    said = _said_to_be_small(group, withheld, minimum)
    for lattice, counts in _solved(group, withheld, minimum, everybody):
        for one in chain(_small(lattice, counts), _exact(lattice, counts, protected)):
            if one.rows and not (one.cell in said and _says_no_more(counts, one, minimum)):
                yield one


def _said_to_be_small(group: Sequence[Reading], withheld: Withheld, minimum: int) -> set[Cell]:
    """The withheld rows of tables of which the verdict says that they stay for being small."""
    stays = [
        (reading.source, row)
        for reading in group
        for row in reading.rows
        if (reading.source, row.row) in withheld
    ]
    others = {source for source, row in stays if row.count is None or row.count >= minimum}
    return {row.cell for source, row in stays if source not in others}


def _says_no_more(counts: Counts[Cell], one: Told, minimum: int) -> bool:
    """Whether a cell may count anything below the minimum, as far as a reader can tell."""
    if one.value < minimum - 1 - TOLERANCE:
        return False
    return counts.interval(one.cell)[0].value < TOLERANCE


def _counts_all(reading: Reading, everybody: Everybody) -> bool:
    """Whether a table of this stop counts as many as there are, and not only those without gaps."""
    here = any(row.row is not None for row in reading.rows)
    if everybody is None or reading.total is None or reading.within or not here:
        return False
    least, most = everybody
    return least <= reading.total <= most


def _gathered(seed: Reading, readings: Sequence[Reading]) -> list[Reading]:
    """`seed` and what can be about the same people, first what shares most dimensions with it.

    So of the names that a table can be read under those come first that others have.
    """
    group = [seed]
    labels = all_labels(group)
    waiting = [one for one in readings if one.source != seed.source or len(one.rows) == 1]
    waiting = [one for one in waiting if one is not seed]
    refused: dict[int, int] = {}  # by how many labels there were
    while waiting:
        waiting.sort(key=lambda one: (not one.whole, -len(labels.keys() & set(one.dimensions))))
        known = sum(map(len, labels.values()))
        for other in waiting:
            more = _merged(labels, other)
            if refused.get(id(other)) != known and _joins(other, group, more):
                break
            refused[id(other)] = known
        else:
            return group
        group.append(other)
        labels = more
        waiting = [
            one
            for one in waiting
            if one is not other and (one.source != other.source or len(one.rows) == 1)
        ]
    return group


def _merged(labels: Labels, other: Reading) -> dict[str, set[str]]:
    own = other.labels()
    return {name: {*labels.get(name, ()), *own.get(name, ())} for name in {*labels, *own}}


def _joins(other: Reading, group: Sequence[Reading], labels: Labels) -> bool:
    same = 0
    for member in group:
        fits, seen = agree(member, other, labels)
        if not fits:
            return False
        if seen and (set(member.dimensions) & set(other.dimensions) or not other.dimensions):
            same += seen
    return same > 0 or (other.whole and all(member.whole for member in group))


def _all_told(group: Sequence[Reading], withheld: Withheld, minimum: int) -> bool:
    """Whether every cell of every table leaves and is large: so is then each sum of them.

    Of three tables or more that have not all dimensions, cells of all of them may be small still.
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


def _is_full(reading: Reading) -> bool:
    ((_, high),) = reading.sums(frozenset()).values() or ((0, None),)
    return high is not None


def _small(lattice: Lattice, counts: Counts[Cell]) -> Iterator[Told]:
    found: list[Cell] = []
    levels: dict[int, list[Cell]] = defaultdict(list)
    for cell in sorted(lattice.cells - lattice.known.keys(), key=sorted):
        levels[len(cell)].append(cell)
    for _, level in sorted(levels.items()):
        # What lies in a small cell is no larger.
        cells = [cell for cell in level if not any(small < cell for small in found)]
        for cell, most in counts.small(cells):
            if not any(label == OTHERS for _, label in cell):
                found.append(cell)
                yield _told(lattice, cell, most, exact=False)
            elif (least := counts.interval(cell)[0]).value > TOLERANCE or len(cell) > 1:
                # That everybody has a label (has been asked, say) is nobody's secret.
                found.append(cell)
                yield _told(lattice, cell, most, exact=least.value > most.value - TOLERANCE)


def _exact(lattice: Lattice, counts: Counts[Cell], protected: Collection[Cell]) -> Iterator[Told]:
    for cell in sorted(lattice.cells.intersection(protected) - lattice.known.keys(), key=sorted):
        least, most = counts.interval(cell)
        if most is not None and most.value < least.value + TOLERANCE:
            both = Bound(most.value, least.support | most.support)
            yield _told(lattice, cell, both, exact=True)


def _told(lattice: Lattice, cell: Cell, bound: Bound[Cell], *, exact: bool) -> Told:
    counts: dict[tuple[str, int], int] = {}
    for one in bound.support:
        told_by = lattice.rows.get(one, ())
        if any(_has_left(reading, row) for reading, row in told_by):
            continue  # to withhold it now would change nothing
        for reading, row in told_by:
            if row.row is not None:
                counts[reading.source, row.row] = lattice.known[one]
    return Told(cell, round(bound.value, 3), exact, tuple(counts), counts)


def _has_left(reading: Reading, row: CountedRow) -> bool:
    guessed = any(name in reading.guessed for name, _ in row.cell)
    return row.row is None and not reading.pending and not guessed


World = tuple[Lattice, Counts[Cell]]


def _solved(
    group: Sequence[Reading], withheld: Withheld, minimum: int, everybody: Everybody
) -> list[World]:
    """What fits the group; if nothing does, what fits as many of its tables as can be.

    Raises UnsolvedError for a table of this stop that contradicts itself.
    """
    if found := _fitting(group, withheld, minimum, everybody):
        return found
    kept: list[Reading] = []
    best: list[World] = []
    for reading in group:
        if found := _fitting([*kept, reading], withheld, minimum, None):
            kept.append(reading)
            best = found
        elif any(row.row is not None for row in reading.rows) and not _fitting(
            [reading], withheld, minimum, None
        ):
            raise UnsolvedError
    return best


def _fitting(
    group: Sequence[Reading], withheld: Withheld, minimum: int, everybody: Everybody
) -> list[World]:
    """The worlds with the fewest people of whom no table speaks that the group's counts fit.

    Readers know what labels there are; if the counts do not fit those, there are others: of one
    dimension (its values are missing of some people), or of all.
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
            lattice = lattice_of(group, withheld, closed=closed, opened=opened)
            if lattice.contradiction:
                return []
            counts = Counts(lattice.equations, lattice.known, minimum, between)
            if counts.exist():
                found.append((lattice, counts))
        if found:
            return found
    return []
