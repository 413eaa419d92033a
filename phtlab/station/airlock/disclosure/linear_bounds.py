"""What counts can be, given sums of them: linear programming over numbers that are not below zero.

An equation says that a weighted sum of cells is zero, and some cells are known. The most and the
least that another can be is what a reader can work out (Hundepool et al. 2024, section 4.2: the
feasibility interval; Fischetti and Salazar 2001). Whole numbers are not asked for: without that
the intervals are no narrower, so a cell that is found narrow is narrow. The solver is HiGHS
(Huangfu and Hall 2018).
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
"""So many columns and weights are looked at in a step, roughly."""


class UnsolvedError(Exception):
    """The solver gives no answer: too large, or counts beyond `LARGEST_COUNT`."""


@dataclass(frozen=True)
class Bound(Generic[C]):
    """The most or the least that a cell can be, and the known cells that this follows from."""

    value: float
    support: frozenset[C]


class CountSystem(Generic[C]):
    """All counts that fit `equations` and `known`, and lie `between` a least and a most.

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
        # A second column for each cell that is not known: it itself, but no more than `minimum`.
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
        """Whether any counts fit."""
        return self._solve({}) is not None

    def small(self, cells: Collection[C]) -> Iterator[tuple[C, Bound[C]]]:
        """Those of `cells`, none of them known, that are below `minimum` whatever fits."""
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
        """The least and the most that `cell` can be; None if it can be any more."""
        least = self._bound({self._column[cell]: -1.0})
        most = self._solve({self._column[cell]: 1.0})
        return Bound(-least.value, least.support), None if most == inf else self._read(most)

    def _raise(self, cells: Collection[C]) -> Bound[C]:
        """Counts that have all of `cells` as large as can be, but none for more than `minimum`."""
        return self._bound({self._capped[cell]: 1.0 for cell in cells})

    def _not_enough(self, cells: Collection[C]) -> list[C]:
        """Those that are below `minimum` in the counts that were found last."""
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
        """The most of a weighted sum of columns; infinite without limit, None if nothing fits."""
        solver = self._solver
        weights = np.zeros(solver.getNumCol())
        weights[list(costs)] = list(costs.values())
        solver.changeColsCost(len(weights), np.arange(len(weights), dtype=np.int32), weights)
        status = self._run()
        if status == highspy.HighsModelStatus.kUnknown:
            # The solution before it was a bad start: from none, it is found.
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
    """Of columns within `bounds`, and rows of weights by column that are from 0 to a limit."""
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
