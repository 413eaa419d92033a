"""What follows from sums of which some are known: exact linear algebra, and simple bounds.

Everything is whole numbers: an equation says that a weighted sum of cells is zero. Gauss-Jordan
elimination over the unknown cells carries the known ones along, so that a cell that is determined
comes with the known cells that determine it (Hundepool et al. 2024, section 4.2: a suppressed
cell that the linear relations give closely is not protected).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from typing import Generic, Self, TypeVar

C = TypeVar("C", bound=Hashable)

_ROUNDS = 50


@dataclass(frozen=True)
class Determined(Generic[C]):
    """The value of a cell, and the known cells that it follows from."""

    value: Fraction
    support: frozenset[C]


class InconsistentError(Exception):
    """The known cells contradict the equations: they are not all about the same people."""


@dataclass
class _Row(Generic[C]):
    unknown: dict[C, int]
    known: dict[C, int]

    def minus(self, other: _Row[C], at: C) -> None:
        """Take away so much of `other`, whose `at` is its pivot, that `at` is gone."""
        mine, theirs = self.unknown[at], other.unknown[at]
        shrink = gcd(mine, theirs)
        mine, theirs = mine // shrink, theirs // shrink
        for ours, others in ((self.unknown, other.unknown), (self.known, other.known)):
            for cell in list(ours):
                ours[cell] *= theirs
            for cell, weight in others.items():
                left = ours.get(cell, 0) - mine * weight
                if left:
                    ours[cell] = left
                else:
                    ours.pop(cell, None)
        self._shrink()

    def _shrink(self) -> None:
        common = gcd(*self.unknown.values(), *self.known.values())
        if common > 1:
            for part in (self.unknown, self.known):
                for cell in part:
                    part[cell] //= common


def determined(
    equations: Iterable[Mapping[C, int]], known: Mapping[C, int]
) -> dict[C, Determined[C]]:
    """The unknown cells that `equations` (weights; each sum is zero) and `known` give exactly.

    Raises InconsistentError if no values fit.
    """
    rows: dict[C, _Row[C]] = {}
    users: dict[C, set[C]] = {}
    waiting = [_split(equation, known) for equation in equations]
    for row in sorted(waiting, key=lambda one: len(one.unknown)):
        for cell in [cell for cell in row.unknown if cell in rows]:
            row.minus(rows[cell], cell)
        if not row.unknown:
            if sum(weight * known[cell] for cell, weight in row.known.items()):
                raise InconsistentError
            continue
        pivot = min(row.unknown, key=lambda cell: len(users.get(cell, ())))
        for user in list(users.get(pivot, ())):
            before = set(rows[user].unknown)
            rows[user].minus(row, pivot)
            _moved(users, user, before, set(rows[user].unknown))
        rows[pivot] = row
        _moved(users, pivot, set(), set(row.unknown) - {pivot})
    return {
        pivot: Determined(
            Fraction(
                -sum(weight * known[cell] for cell, weight in row.known.items()),
                row.unknown[pivot],
            ),
            frozenset(row.known),
        )
        for pivot, row in rows.items()
        if len(row.unknown) == 1
    }


@dataclass(frozen=True)
class Bounds(Generic[C]):
    """`high` is the most that a cell can be, as far as known; `why` the equation that says so."""

    high: Mapping[C, int]
    why: Mapping[C, Mapping[C, int]]


def bounds(equations: Sequence[Mapping[C, int]], values: Mapping[C, int]) -> Bounds[C]:
    """Upper bounds of the cells that are not among `values`: counts, none of them below zero.

    Bounds are passed on from equation to equation until nothing changes; each that is found
    holds, though a linear program may find a narrower one.
    """
    sums = [_Sum.of(equation, values) for equation in equations]
    sums = [one for one in sums if one.unknown]
    users: dict[C, list[int]] = {}
    for number, one in enumerate(sums):
        for cell in one.unknown:
            users.setdefault(cell, []).append(number)
    low: dict[C, int] = {}
    high: dict[C, int] = {}
    why: dict[C, Mapping[C, int]] = {}
    waiting, queued = deque(range(len(sums))), set(range(len(sums)))
    for _ in range(_ROUNDS * len(sums)):
        if not waiting:
            break
        number = waiting.popleft()
        queued.discard(number)
        for cell, least, most in sums[number].limits(low, high):
            changed = False
            if most is not None and (cell not in high or most < high[cell]):
                high[cell], why[cell], changed = most, sums[number].equation, True
            if least is not None and least > low.get(cell, 0):
                low[cell], changed = least, True
            if changed:
                fresh = [user for user in users[cell] if user not in queued]
                waiting.extend(fresh)
                queued.update(fresh)
    return Bounds(high, why)


@dataclass(frozen=True)
class _Sum(Generic[C]):
    """An equation with its known cells summed up: `known` and the unknown ones are zero."""

    equation: Mapping[C, int]
    unknown: Mapping[C, int]
    known: int

    @classmethod
    def of(cls, equation: Mapping[C, int], values: Mapping[C, int]) -> Self:
        unknown = {cell: weight for cell, weight in equation.items() if cell not in values}
        known = sum(weight * values[cell] for cell, weight in equation.items() if cell in values)
        return cls(equation, unknown, known)

    def limits(
        self, low: Mapping[C, int], high: Mapping[C, int]
    ) -> Iterator[tuple[C, int | None, int | None]]:
        """For each unknown cell the least and the most that it can be beside the others."""
        bottom = top = self.known
        open_bottom = open_top = 0  # so many terms have no bound on that side
        ends: dict[C, tuple[int | None, int | None]] = {}
        for cell, weight in self.unknown.items():
            most = None if cell not in high else weight * high[cell]
            least: int | None = weight * low.get(cell, 0)
            least, most = (least, most) if weight > 0 else (most, least)
            ends[cell] = least, most
            bottom, open_bottom = bottom + (least or 0), open_bottom + (least is None)
            top, open_top = top + (most or 0), open_top + (most is None)
        for cell, weight in self.unknown.items():
            least, most = ends[cell]
            # The others are between these two, and weight * cell is their negative.
            floor = bottom - (least or 0) if open_bottom == (least is None) else None
            roof = top - (most or 0) if open_top == (most is None) else None
            if weight > 0:
                yield (
                    cell,
                    None if roof is None else -(roof // weight),
                    None if floor is None else -floor // weight,
                )
            else:
                yield (
                    cell,
                    None if floor is None else -(floor // weight),
                    None if roof is None else roof // -weight,
                )


def _split(equation: Mapping[C, int], known: Mapping[C, int]) -> _Row[C]:
    return _Row(
        {cell: weight for cell, weight in equation.items() if cell not in known},
        {cell: weight for cell, weight in equation.items() if cell in known},
    )


def _moved(users: dict[C, set[C]], row: C, before: set[C], after: set[C]) -> None:
    for cell in before - after:
        users.get(cell, set()).discard(row)
    for cell in after - before:
        if cell != row:
            users.setdefault(cell, set()).add(row)
