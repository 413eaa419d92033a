"""Groups of readings that may be about the same people: their common sums agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from phtlab.station.airlock.cells import Cell
from phtlab.station.airlock.disclosure.count_reading import CountReading, SumMarks
from phtlab.station.airlock.work_limit import WorkLimit

Everybody = tuple[int, int] | None
"""How many people there are, at least and at most, as far as this is publicly known."""
Names = frozenset[str]
Sums = Mapping[Cell, tuple[int, int | None]]


def tables_of_same_people(
    readings: Sequence[CountReading], steps: WorkLimit, everybody: Everybody = None
) -> list[list[CountReading]]:
    """Group the readings so that each group may be about the same people.

    Around each table, and each part of a table that may be of `everybody`, the function gathers the
    others as long as they agree with all members. It adds a part of a table to people that another
    table counts only if a sum shows it. Readings under guessed names are grouped apart as well:
    they may be other people by chance. Where all agree with all, there is one group. Raises
    TooManyStepsError.
    """
    groups: dict[frozenset[int], list[CountReading]] = {}
    own_names = [reading for reading in readings if not reading.guessed]
    rounds = [own_names, readings] if len(own_names) < len(readings) else [own_names]
    for among in rounds:
        complete: set[int] = set()
        for seed in among:
            own_part = among is own_names and counts_all(seed, everybody)
            if id(seed) in complete or not (seed.whole or own_part):
                continue
            group, all_joined = _gathered(seed, among, steps)
            if all_joined:
                complete |= {*map(id, group)}
            if any(row.row is not None for member in group for row in member.rows):
                groups.setdefault(frozenset(map(id, group)), group)
            # else the group has no row of this stop, and all of it has left
    return [*groups.values()]


def counts_all(reading: CountReading, everybody: Everybody) -> bool:
    """Return whether a reading with rows of this stop counts as many people as there are."""
    any_counted = any(row.row is not None for row in reading.rows)
    if everybody is None or reading.total is None or reading.within or not any_counted:
        return False
    least, most = everybody
    return least <= reading.total <= most


def _gathered(
    seed: CountReading, readings: Sequence[CountReading], steps: WorkLimit
) -> tuple[list[CountReading], bool]:
    """Return `seed` and what can be about the same people, and whether all readings were added.

    Readings with most shared dimensions come first: so, of the names of a table, those that others
    have.
    """
    group = _Group(steps)
    group.add(seed)
    waiting = [
        reading for reading in readings if reading.source != seed.source or len(reading.rows) == 1
    ]
    waiting = [reading for reading in waiting if reading is not seed]
    refused: dict[int, _Refusal] = {}
    names = 0
    while waiting:
        if names != len(group.labels):
            names = len(group.labels)
            waiting.sort(key=lambda reading: (not reading.whole, -_shared(group, reading)))
        steps.take(1 + len(waiting) // 10)
        for other in waiting:
            was = refused.get(id(other))
            if was is not None and group.still_refuses(other, was):
                continue
            found = group.refusal(other)
            if found is None:
                break
            refused[id(other)] = found
        else:
            return group.members, False
        group.add(other)
        waiting.remove(other)
        if len(other.rows) > 1 or not other.whole:
            waiting = [
                reading
                for reading in waiting
                if reading.source != other.source or len(reading.rows) == 1
            ]
    return group.members, True


def _shared(group: _Group, reading: CountReading) -> int:
    return sum(name in group.labels for name in {*reading.dimensions})


@dataclass(frozen=True)
class _Refusal:
    """The basis of a refusal: while it is unchanged, the reading stays refused.

    `unsigned` means that nothing contradicts, but no sum shows that a part is about the same
    people.
    """

    unsigned: bool
    labels: int
    changes: int
    new: Names
    lacking: Names


@dataclass
class _Combined:
    """What several tables know about a cell."""

    low: int = 0
    highs: set[int] = field(default_factory=set)
    marks: dict[str, SumMarks] = field(default_factory=dict)


class _Level:
    """The sums of tables of the same dimensions, in the cells over some of those dimensions."""

    def __init__(self) -> None:
        self.cells: dict[Cell, _Combined] = defaultdict(_Combined)

    def add(self, member: CountReading, sums: Sums) -> None:
        for cell, (low, high) in sums.items():
            combined = self.cells[cell]
            combined.low = max(combined.low, low)
            if high is not None:
                combined.highs.add(high)
            elif (mark := member.marks.by_cell.get(cell)) is not None:
                combined.marks[mark] = member.marks

    def agree(self, other: CountReading, sums: Sums) -> tuple[bool, bool]:
        """Return whether `other` can be about the same people, and whether a sum shows it."""
        seen = False
        few, many = (sums, self.cells) if len(sums) < len(self.cells) else (self.cells, sums)
        for cell in few:
            if cell not in many:
                continue
            combined, (low, high) = self.cells[cell], sums[cell]
            if any(low > most for most in combined.highs):
                return False, False
            if high is not None:
                if combined.low > high:
                    return False, False
                known = {
                    mark == total_marks.of_count(high)
                    for mark, total_marks in combined.marks.items()
                }
                known |= {True} if high in combined.highs else set()
            else:
                signs = [other.same_sum(cell, most) for most in combined.highs]
                known = {sign for sign in signs if sign is not None}
            if False in known:
                return False, False
            seen = seen or True in known
        return True, seen


class _Group:
    """Readings of the same people, and their sums together, by their dimensions."""

    def __init__(self, steps: WorkLimit) -> None:
        self.members: list[CountReading] = []
        self.labels: dict[str, set[str]] = {}
        self._steps = steps
        self._of: dict[Names, list[CountReading]] = {}
        self._lacking: dict[Names, Names] = {}  # by dimensions: those that no member has in full
        self._levels: dict[tuple[Names, Names, bool], _Level] = {}
        self._changes = 0
        self._all_whole = True

    def add(self, other: CountReading) -> None:
        """Add `other` to the members."""
        new = self._new(other)
        for name, labels in other.labels().items():
            self.labels.setdefault(name, set()).update(labels)
        for of, lacking in self._lacking.items():
            if of & new <= lacking:
                continue
            # These members no longer have all labels: their sums over those dimensions are unknown.
            self._changes += 1
            self._lacking[of] = lacking | (of & new)
            for key in [key for key in self._levels if key[0] == of and not key[2]]:
                del self._levels[key]
        names = frozenset(other.dimensions)
        for (of, over, is_open), level in self._levels.items():
            if of == names:
                level.add(other, self._sums(other, over, is_open=is_open))
        self._of.setdefault(names, []).append(other)
        lacking = other.lacking(self.labels)
        self._lacking[names] = self._lacking.get(names, lacking) & lacking
        self.members.append(other)
        self._all_whole = self._all_whole and other.whole

    def still_refuses(self, other: CountReading, was: _Refusal) -> bool:
        """Return whether the basis of a refusal is unchanged."""
        self._steps.take()
        return was == self._basis(other, unsigned=was.unsigned)

    def refusal(self, other: CountReading) -> _Refusal | None:
        """Return the basis for refusing `other`; None if it agrees with all members."""
        names = frozenset(other.dimensions)
        new, lacking = self._new(other), other.lacking(self.labels)
        self._steps.take(1 + len(self._of) // 8 + len(other.rows) // 16)
        signed = other.whole and self._all_whole
        for of in self._of:
            shared = of & names
            for over in {shared, Names()}:
                level = self._level(of, over, is_open=not of & new <= over)
                sums = other.summed(over, closed=lacking <= over)
                fits, seen = level.agree(other, sums)
                if not fits:
                    return self._basis(other, unsigned=False)
                signed = signed or (seen and over == shared and bool(shared or not names))
        return None if signed else self._basis(other, unsigned=True)

    def _basis(self, other: CountReading, *, unsigned: bool) -> _Refusal:
        known = sum(map(len, self.labels.values())) if unsigned else 0
        return _Refusal(
            unsigned, known, self._changes, self._new(other), other.lacking(self.labels)
        )

    def _new(self, other: CountReading) -> Names:
        """The dimensions of which `other` has labels that no member has."""
        return frozenset(
            name
            for name, labels in other.labels().items()
            if not labels <= self.labels.get(name, set())
        )

    def _level(self, of: Names, over: Names, *, is_open: bool) -> _Level:
        level = self._levels.get((of, over, is_open))
        if level is None:
            level = self._levels[of, over, is_open] = _Level()
            for member in self._of[of]:
                self._steps.take(1 + len(member.rows) // 16)
                level.add(member, self._sums(member, over, is_open=is_open))
        return level

    def _sums(self, member: CountReading, over: Names, *, is_open: bool) -> Sums:
        return member.summed(over, closed=not is_open and member.lacking(self.labels) <= over)
