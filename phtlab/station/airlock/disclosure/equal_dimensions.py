"""Dimensions under other names: those whose labels count as many people as another's labels.

The author of the train knows that `s` is `sex` and that `1` is `female`; the station sees only that
the labels of both count the same numbers of people. So it reads such a table under the names of the
other table as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, product
from math import prod
from typing import Final

from phtlab.station.airlock.cells import NO_COLUMN, Cell
from phtlab.station.airlock.disclosure.count_reading import CountReading
from phtlab.station.airlock.work_limit import WorkLimit

_MOST_WAYS: Final = 24
"""Most ways to rename a table that are compared."""
_MOST_TRIED: Final = 20_000
"""Most labels tried to find those ways, for two dimensions."""
_FEW: Final = 2


class _TooManyTriedError(Exception):
    """`_MOST_TRIED` labels do not decide whether two dimensions can be the same."""


@dataclass(frozen=True)
class _Renaming:
    """A dimension, its name in another table, and that table's labels for its own."""

    dimension: str
    name: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class _Labels:
    """How many people each label of a dimension counts; None if an earlier stop withheld rows."""

    reading: CountReading
    name: str
    counts: Mapping[str, int | None]

    @cached_property
    def people(self) -> list[str]:
        """The labels whose count is not zero, or is unknown."""
        return sorted(label for label, count in self.counts.items() if count != 0)

    @cached_property
    def nobody(self) -> list[str]:
        return sorted(label for label, count in self.counts.items() if count == 0)

    @cached_property
    def exact(self) -> tuple[int, ...] | None:
        """The counts of the labels in `people`, in ascending order, if all are known."""
        known = [count for label in self.people if (count := self.counts[label]) is not None]
        return tuple(sorted(known)) if len(known) == len(self.people) else None

    @cached_property
    def by_count(self) -> dict[int, list[str]]:
        """The labels by their known count."""
        found: dict[int, list[str]] = defaultdict(list)
        for label in self.people:
            if (count := self.counts[label]) is not None:
                found[count].append(label)
        return found

    @cached_property
    def by_mark(self) -> dict[str, list[str]]:
        """The labels without a known count, by their mark."""
        found: dict[str, list[str]] = defaultdict(list)
        for label in self.people:
            if self.counts[label] is None and (mark := self.mark(label)) is not None:
                found[mark].append(label)
        return found

    def mark(self, label: str) -> str | None:
        return self.reading.marks.by_cell.get(self.cell(label))

    def cell(self, label: str) -> Cell:
        return self.reading.within | {(self.name, label)}


def under_other_names(
    readings: Sequence[CountReading], steps: WorkLimit
) -> tuple[list[CountReading], set[str]]:
    """Read `readings` under each other's names for dimensions with the same counts by label.

    Also returns the sources that can be read in more ways than are compared. Raises
    TooManyStepsError.
    """
    wholes = [reading for reading in readings if reading.whole]
    dimensions = {id(whole): [_labels(whole, name) for name in _free(whole)] for whole in wholes}
    every = _Dimensions([labels for found in dimensions.values() for labels in found])
    renamed: list[CountReading] = []
    too_many = set()
    for reading in wholes:
        steps.take(1 + len(reading.rows) // 4)
        try:
            choices = [_renamings(labels, every, steps) for labels in dimensions[id(reading)]]
        except _TooManyTriedError:
            too_many.add(reading.source)
            continue
        if prod(len(found) for found in choices) > _MOST_WAYS:
            too_many.add(reading.source)
            continue
        for chosen in product(*choices):
            renamings = [renaming for renaming in chosen if renaming is not None]
            if renamings and len({renaming.name for renaming in renamings}) == len(renamings):
                steps.take(1 + len(reading.rows) // 4)
                renamed.append(_renamed(reading, renamings))
    return renamed, too_many


class _Dimensions:
    """All dimensions, indexed by their counts and by how many labels have people."""

    def __init__(self, every: Sequence[_Labels]) -> None:
        self._every = every
        self._by_counts: dict[tuple[int, ...], list[int]] = defaultdict(list)
        self._partly: dict[int, list[int]] = defaultdict(list)
        self._by_number: dict[int, list[int]] = defaultdict(list)
        for place, whole in enumerate(every):
            self._by_number[len(whole.people)].append(place)
            if whole.exact is None:
                self._partly[len(whole.people)].append(place)
            else:
                self._by_counts[whole.exact].append(place)

    def like(self, ours: _Labels) -> Iterator[_Labels]:
        """Yield the dimensions whose labels may count as many people as those of `ours`."""
        number = len(ours.people)
        if ours.exact is None:
            places = self._by_number[number]
        else:
            places = sorted([*self._by_counts[ours.exact], *self._partly[number]])
        return (self._every[place] for place in places)


def _renamings(ours: _Labels, every: _Dimensions, steps: WorkLimit) -> list[_Renaming | None]:
    """Return None for the own name, and then other names; the search stops at `_MOST_WAYS`."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], _Renaming] = {}
    for theirs in every.like(ours):
        steps.take()
        if theirs.reading.source == ours.reading.source or theirs.name in ours.reading.dimensions:
            continue
        if ours.name.startswith(NO_COLUMN) and theirs.name.startswith(NO_COLUMN):
            continue  # rows that no column identifies cannot be matched
        for labels in islice(_label_pairs(ours, theirs, steps), _MOST_WAYS):
            steps.take(1 + len(labels) // 8)
            key = theirs.name, tuple(sorted(labels.items()))
            found.setdefault(key, _Renaming(ours.name, theirs.name, labels))
        if len(found) >= _MOST_WAYS:
            break
    return [None, *found.values()]


def _label_pairs(ours: _Labels, theirs: _Labels, steps: WorkLimit) -> Iterator[dict[str, str]]:
    """Yield each way to match the labels of two dimensions, labels without people included."""
    if max(len(ours.counts), len(theirs.counts)) < _FEW:
        return
    if len(ours.people) != len(theirs.people) or not ours.people:
        return
    steps.take(1 + len(ours.people) // 4)
    same = _counting_as_many(ours, theirs)
    their_nobody = iter(theirs.nobody)
    nobody = {label: next(their_nobody, NO_COLUMN + label) for label in ours.nobody}
    for pairs in _matched(sorted(ours.people, key=lambda label: len(same[label])), same, steps):
        yield pairs | nobody


def _counting_as_many(ours: _Labels, theirs: _Labels) -> dict[str, list[str]]:
    """For each label of `ours`, return the labels of `theirs` that are known to count as many."""
    by_our_marks = (
        {}
        if ours.exact is not None
        else {ours.reading.marks.of_count(n): labels for n, labels in theirs.by_count.items()}
    )
    same = {}
    for label in ours.people:
        count = ours.counts[label]
        if count is not None:
            mark = theirs.reading.marks.of_count(count) if theirs.by_mark else ""
            same[label] = theirs.by_count.get(count, []) + theirs.by_mark.get(mark, [])
        elif (own := ours.mark(label)) is not None:
            same[label] = by_our_marks.get(own, []) + theirs.by_mark.get(own, [])
        else:
            same[label] = []
    return same


def _free(reading: CountReading) -> list[str]:
    outside = {name for name, _ in reading.within}
    return [name for name in reading.dimensions if name not in outside]


def _labels(reading: CountReading, name: str) -> _Labels:
    outside = {outer for outer, _ in reading.within}
    counts: dict[str, int | None] = {}
    for cell, (low, high) in reading.sums(frozenset({name, *outside})).items():
        nobody = high is None and low == 0 and reading.same_sum(cell, 0) is True
        counts[dict(cell)[name]] = 0 if nobody else high
    return _Labels(reading, name, counts)


def _matched(
    labels: Sequence[str], same: Mapping[str, Sequence[str]], steps: WorkLimit
) -> Iterator[dict[str, str]]:
    """Yield each assignment of a different matching label to each of `labels`.

    Raises _TooManyTriedError: where not all counts are known, the search may try any number of
    partial assignments without completing one.
    """
    chosen: list[str] = []
    used: set[str] = set()
    choices = [iter(same[label]) for label in labels[:1]]
    tried = 0
    while choices:
        tried += 1
        if tried > _MOST_TRIED:
            raise _TooManyTriedError
        steps.take(1 + len(used) // 32)
        their = next((choice for choice in choices[-1] if choice not in used), None)
        if their is None:
            choices.pop()
            if chosen:
                used.discard(chosen.pop())
        elif len(chosen) + 1 == len(labels):
            yield dict(zip(labels, [*chosen, their], strict=True))
        else:
            chosen.append(their)
            used.add(their)
            choices.append(iter(same[labels[len(chosen)]]))


def _renamed(reading: CountReading, renamings: Sequence[_Renaming]) -> CountReading:
    names = {renaming.dimension: renaming.name for renaming in renamings}
    labels = {renaming.dimension: renaming.labels for renaming in renamings}

    def new(cell: Cell) -> Cell:
        return frozenset(
            (names.get(name, name), labels.get(name, {}).get(label, label)) for name, label in cell
        )

    return replace(
        reading,
        dimensions=tuple(names.get(name, name) for name in reading.dimensions),
        rows=tuple(replace(row, cell=new(row.cell)) for row in reading.rows),
        marks=reading.marks.moved(new),
        guessed=frozenset(names.values()),
        _sums={},
    )
