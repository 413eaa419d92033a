"""What follows from sums of which some are known: exact linear algebra, and simple bounds.

Everything is whole numbers: an equation says that a weighted sum of cells is zero. Gauss-Jordan
elimination over the unknown cells carries the known ones along, so that a cell that is determined
comes with the known cells that determine it (Hundepool et al. 2024, section 4.2: a suppressed
cell that the linear relations give closely is not protected).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from typing import Generic, TypeVar

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

    high: Mapping[C, Fraction]
    why: Mapping[C, Mapping[C, int]]


def bounds(equations: Sequence[Mapping[C, int]], values: Mapping[C, Fraction | int]) -> Bounds[C]:
    """Upper bounds of the cells that are not among `values`, none of which is below zero.

    Bounds are passed on from equation to equation until nothing changes; each that is found
    holds, though a linear program may find a narrower one.
    """
    low: dict[C, Fraction] = {cell: Fraction(value) for cell, value in values.items()}
    high: dict[C, Fraction] = dict(low)
    why: dict[C, Mapping[C, int]] = {}
    zero = Fraction(0)
    open_equations = [e for e in equations if any(cell not in values for cell in e)]
    for _ in range(_ROUNDS):
        changed = False
        for equation in open_equations:
            for cell, weight in equation.items():
                if cell in values:
                    continue
                # weight * cell = -sum(others): the bound in the direction of +cell and of -cell.
                most = _extreme(equation, cell, -weight, low, high, zero, most=True)
                if most is not None and (cell not in high or most < high[cell]):
                    high[cell], why[cell], changed = most, equation, True
                least = _extreme(equation, cell, -weight, low, high, zero, most=False)
                if least is not None and least > low.get(cell, zero):
                    low[cell], changed = least, True
        if not changed:
            break
    return Bounds({cell: high[cell] for cell in high if cell not in values}, why)


def _extreme(
    equation: Mapping[C, int],
    cell: C,
    divisor: int,
    low: Mapping[C, Fraction],
    high: Mapping[C, Fraction],
    zero: Fraction,
    *,
    most: bool,
) -> Fraction | None:
    whole = zero
    for other, weight in equation.items():
        if other == cell:
            continue
        if (weight * divisor > 0) == most:
            if other not in high:
                return None
            whole += weight * high[other]
        else:
            whole += weight * low.get(other, zero)
    return whole / divisor


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
