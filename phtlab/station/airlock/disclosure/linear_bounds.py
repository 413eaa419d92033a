"""Bounds of unknown counts, given sums of them, by linear programming over non-negative numbers.

An equation states that a weighted sum of cells is zero, and some cells are known. The largest and
the smallest value of another cell are what a reader can compute (Hundepool et al. 2024, section
4.2: the feasibility interval; Fischetti and Salazar 2001). The solver does not require whole
numbers, which can only narrow the intervals: so a cell that it finds narrow is narrow. The solver
is HiGHS (Huangfu and Hall 2018).
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Final, Generic, TypeVar

import highspy
import numpy as np

from phtlab.station.airlock.work_limit import WorkLimit

C = TypeVar("C", bound=Hashable)

TOLERANCE: Final = 1e-6
LARGEST_COUNT: Final = 10**8
"""Beyond it the solver's numbers are not exact to one person."""
_SECONDS: Final = 60.0
_MOST_ITERATIONS: Final = 100_000
_A_STEP: Final = 1_000
"""Columns and weights per step, roughly."""


class UnsolvedError(Exception):
    """The solver has no answer: the system is too large, or counts exceed `LARGEST_COUNT`."""


@dataclass(frozen=True)
class Bound(Generic[C]):
    """The largest or smallest value of a cell, and the known cells that it follows from."""

    value: float
    support: frozenset[C]


class CountSystem(Generic[C]):
    """All counts that fit `equations` and `known`, and the bounds in `between`.

    Raises UnsolvedError, as all methods do, and TooManyStepsError.
    """

    def __init__(
        self,
        equations: Iterable[Mapping[C, int]],
        known: Mapping[C, int],
        minimum: int,
        between: Mapping[C, tuple[int, int]] | None = None,
        steps: WorkLimit | None = None,
    ) -> None:
        if any(value > LARGEST_COUNT for value in known.values()):
            raise UnsolvedError
        rows = [*equations]
        cells = dict.fromkeys([*known, *(cell for row in rows for cell in row)])
        self._known = known
        self._minimum = minimum
        self._steps = steps or WorkLimit()
        self._nonzeros = sum(map(len, rows))
        limits = {cell: (float(low), float(high)) for cell, (low, high) in (between or {}).items()}
        limits |= {cell: (float(value), float(value)) for cell, value in known.items()}
        self._column = {cell: number for number, cell in enumerate(cells)}
        self._open = [cell for cell in cells if cell not in known]
        # A second column for each unknown cell: its value, capped at `minimum`.
        self._capped = {cell: len(cells) + n for n, cell in enumerate(self._open)}
        self._solver = _solver(
            bounds=[
                *(limits.get(cell, (0.0, inf)) for cell in cells),
                *((0.0, float(minimum)) for _ in self._open),
            ],
            rows=[({self._column[cell]: w for cell, w in row.items()}, 0.0) for row in rows]
            + [({self._column[cell]: 1, self._capped[cell]: -1}, inf) for cell in self._open],
        )

    def exist(self) -> bool:
        """Return whether any counts fit."""
        return self._solve({}) is not None

    def small(self, cells: Collection[C]) -> Iterator[tuple[C, Bound[C]]]:
        """Yield those of `cells`, all unknown, that are below `minimum` for all counts that fit."""
        self._raise(cells)
        waiting = self._not_enough(cells)
        while waiting:
            cell = waiting.pop()
            bound = self._raise([cell])
            if bound.value < self._minimum - TOLERANCE:
                yield cell, bound
            else:
                waiting = self._not_enough(waiting)

    def interval(self, cell: C) -> tuple[Bound[C], Bound[C] | None]:
        """Return the smallest and the largest value of `cell`; None for a largest without limit."""
        least = self._bound({self._column[cell]: -1.0})
        most = self._solve({self._column[cell]: 1.0})
        return Bound(-least.value, least.support), None if most == inf else self._read(most)

    def _raise(self, cells: Collection[C]) -> Bound[C]:
        """Maximize the sum of `cells`, each capped at `minimum`."""
        return self._bound({self._capped[cell]: 1.0 for cell in cells})

    def _not_enough(self, cells: Collection[C]) -> list[C]:
        """Return those of `cells` that are below `minimum` in the last solution."""
        values = self._solver.getSolution().col_value
        enough = self._minimum - TOLERANCE
        return [cell for cell in cells if values[self._column[cell]] < enough]

    def _bound(self, costs: Mapping[int, float]) -> Bound[C]:
        value = self._solve(costs)
        if value is None or value == inf:
            raise UnsolvedError
        return self._read(value)

    def _read(self, value: float | None) -> Bound[C]:
        if value is None:
            raise UnsolvedError
        prices = self._solver.getSolution().col_dual
        support = {cell for cell in self._known if abs(prices[self._column[cell]]) > TOLERANCE}
        return Bound(value, frozenset(support))

    def _solve(self, costs: Mapping[int, float]) -> float | None:
        """Maximize a weighted sum of columns; infinity without limit, None if nothing fits."""
        solver = self._solver
        weights = np.zeros(solver.getNumCol())
        weights[list(costs)] = list(costs.values())
        solver.changeColsCost(len(weights), np.arange(len(weights), dtype=np.int32), weights)
        status = self._run()
        if status == highspy.HighsModelStatus.kUnknown:
            # The previous solution was a bad start: solve again from none.
            solver.clearSolver()
            status = self._run()
        if status == highspy.HighsModelStatus.kOptimal:
            return float(solver.getObjectiveValue())
        if status == highspy.HighsModelStatus.kUnbounded:
            return inf
        if status == highspy.HighsModelStatus.kInfeasible:
            return None
        raise UnsolvedError

    def _run(self) -> highspy.HighsModelStatus:
        solver = self._solver
        solver.run()
        # The work of an iteration grows with the numbers in the equations.
        iterations = max(solver.getInfo().simplex_iteration_count, 0)
        size = solver.getNumCol() + self._nonzeros
        self._steps.take((iterations + 1) * (1 + size // _A_STEP))
        return solver.getModelStatus()


def _solver(
    bounds: list[tuple[float, float]], rows: list[tuple[dict[int, int], float]]
) -> highspy.Highs:
    """Build a solver with columns within `bounds`, and rows of weights from 0 to a limit."""
    solver: highspy.Highs = highspy.Highs()  # type: ignore[no-untyped-call]
    for name, value in (
        ("output_flag", False),
        ("threads", 1),
        ("time_limit", _SECONDS),
        ("simplex_iteration_limit", _MOST_ITERATIONS),
        ("allow_unbounded_or_infeasible", False),
    ):
        solver.setOptionValue(name, value)
    low, high = zip(*bounds, strict=True) if bounds else ((), ())
    solver.addVars(len(bounds), np.array(low, dtype=float), np.array(high, dtype=float))
    lengths = [len(weights) for weights, _ in rows]
    solver.addRows(
        len(rows),
        np.zeros(len(rows)),
        np.array([limit for _, limit in rows]),
        sum(lengths),
        np.cumsum([0, *lengths], dtype=np.int32)[:-1],
        np.array([column for weights, _ in rows for column in weights], dtype=np.int32),
        np.array([w for weights, _ in rows for w in weights.values()], dtype=float),
    )
    solver.changeObjectiveSense(highspy.ObjSense.kMaximize)
    return solver
