"""The same people under other names: a dimension whose labels count as many as those of another.

Whoever writes the train knows that `s` is `sex` and that `1` is `female`; the station sees only
that the same numbers of people are in the labels of both. So such a table is read under the names
of the other one as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, product
from math import prod
from typing import Final

from phtlab.station.airlock.cells import NO_COLUMN, Cell
from phtlab.station.airlock.reading import Reading

_MOST_WAYS: Final = 24
"""So many ways to rename a table are looked at."""
_FEW: Final = 2


@dataclass(frozen=True)
class _Renaming:
    """A dimension, the name that it has in another table, and that table's labels for its own."""

    dimension: str
    name: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class _Labels:
    """How many people the labels of a dimension count; None where an earlier stop withheld rows."""

    reading: Reading
    name: str
    counts: Mapping[str, int | None]

    @cached_property
    def people(self) -> list[str]:
        """The labels that anybody has."""
        return sorted(label for label, count in self.counts.items() if count != 0)

    @cached_property
    def nobody(self) -> list[str]:
        return sorted(label for label, count in self.counts.items() if count == 0)

    def counts_as_many(self, label: str, other: _Labels, other_label: str) -> bool:
        """Whether `label` is known to count as many people as a label of another dimension."""
        ours, theirs = self.counts[label], other.counts[other_label]
        if ours is not None and theirs is not None:
            return ours == theirs
        if ours is not None:
            return other.reading.same_sum(other.cell(other_label), ours) is True
        if theirs is not None:
            return self.reading.same_sum(self.cell(label), theirs) is True
        mark = self.reading.marks.by_cell.get(self.cell(label))
        return mark is not None and mark == other.reading.marks.by_cell.get(other.cell(other_label))

    def cell(self, label: str) -> Cell:
        return self.reading.within | {(self.name, label)}


def under_other_names(readings: Sequence[Reading]) -> tuple[list[Reading], set[str]]:
    """The `readings` under names of each other's dimensions that count as many people by label.

    And the sources that can be read in more ways than are looked at.
    """
    wholes = [reading for reading in readings if reading.whole]
    dimensions = {id(one): [_labels(one, name) for name in _free(one)] for one in wholes}
    every = [labels for found in dimensions.values() for labels in found]
    renamed: list[Reading] = []
    too_many = set()
    for reading in wholes:
        choices = [_renamings(labels, every) for labels in dimensions[id(reading)]]
        if prod(len(found) for found in choices) > _MOST_WAYS:
            too_many.add(reading.source)
            continue
        for chosen in product(*choices):
            renamings = [one for one in chosen if one is not None]
            if renamings and len({one.name for one in renamings}) == len(renamings):
                renamed.append(_renamed(reading, renamings))
    return renamed, too_many


def _renamings(ours: _Labels, every: Sequence[_Labels]) -> list[_Renaming | None]:
    """None for its own name, and then all others: one more than are looked at is enough."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], _Renaming] = {}
    for theirs in every:
        if theirs.reading.source == ours.reading.source or theirs.name in ours.reading.dimensions:
            continue
        for labels in islice(_label_pairs(ours, theirs), _MOST_WAYS):
            key = theirs.name, tuple(sorted(labels.items()))
            found.setdefault(key, _Renaming(ours.name, theirs.name, labels))
    return [None, *found.values()]


def _label_pairs(ours: _Labels, theirs: _Labels) -> Iterator[dict[str, str]]:
    """Each way in which the labels of two dimensions can be the same; those of nobody as well."""
    if max(len(ours.counts), len(theirs.counts)) < _FEW:
        return
    if len(ours.people) != len(theirs.people) or not ours.people:
        return
    same = {
        label: [their for their in theirs.people if ours.counts_as_many(label, theirs, their)]
        for label in ours.people
    }
    their_nobody = iter(theirs.nobody)
    nobody = {label: next(their_nobody, NO_COLUMN + label) for label in ours.nobody}
    for pairs in _matched(sorted(ours.people, key=lambda label: len(same[label])), same):
        yield pairs | nobody


def _free(reading: Reading) -> list[str]:
    outside = {name for name, _ in reading.within}
    return [name for name in reading.dimensions if name not in outside]


def _labels(reading: Reading, name: str) -> _Labels:
    outside = {outer for outer, _ in reading.within}
    counts: dict[str, int | None] = {}
    for cell, (low, high) in reading.sums(frozenset({name, *outside})).items():
        nobody = high is None and low == 0 and reading.same_sum(cell, 0) is True
        counts[dict(cell)[name]] = 0 if nobody else high
    return _Labels(reading, name, counts)


def _matched(
    waiting: Sequence[str], same: Mapping[str, Sequence[str]], taken: frozenset[str] = frozenset()
) -> Iterator[dict[str, str]]:
    if not waiting:
        yield {}
        return
    for their in same[waiting[0]]:
        if their not in taken:
            for rest in _matched(waiting[1:], same, taken | {their}):
                yield {waiting[0]: their, **rest}


def _renamed(reading: Reading, renamings: Sequence[_Renaming]) -> Reading:
    names = {one.dimension: one.name for one in renamings}
    labels = {one.dimension: one.labels for one in renamings}

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
