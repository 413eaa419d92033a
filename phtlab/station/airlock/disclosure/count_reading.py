"""One reading of a table or scalar that counts people: cells with their counts, and their sums."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from math import prod
from typing import Final

from phtlab.station.airlock.cells import EVERYBODY, NO_COLUMN, PLACE, Cell, Cells, CountedRow
from phtlab.station.airlock.work_limit import MOST_DIMENSIONS, WorkLimit

Labels = Mapping[str, Collection[str]]
_MOST_PARTS: Final = 20
_FEW: Final = 2


@dataclass(frozen=True)
class SumMarks:
    """Marks of the sums of an earlier table's cells, where rows of the table were withheld.

    Equal counts have equal marks, and no count can be read from a mark.
    """

    by_cell: Mapping[Cell, str] = field(default_factory=dict)
    of_count: Callable[[int], str] = str

    def moved(self, move: Callable[[Cell], Cell | None]) -> SumMarks:
        """Return the marks with `move` applied to their cells; without cells that become None."""
        moved = {
            new: mark for cell, mark in self.by_cell.items() if (new := move(cell)) is not None
        }
        return replace(self, by_cell=moved)


@dataclass(frozen=True, eq=False)
class CountReading:
    """One way to read a table: as a whole, or one label of a dimension as a table by itself.

    `source` names the table, or the earlier stop and its table; `whole` is False for a part;
    `within` is the cell that contains all rows; `pending` marks a table of another stop that waits
    for a person and may or may not leave. `marks` are those of an earlier table's sums with
    withheld rows. `guessed` are dimensions that have another name in the table. `values` is whether
    numbers leave beside the counts; `known` is False if the output's value does not itself disclose
    how many people it is about.
    """

    source: str
    dimensions: tuple[str, ...]
    rows: tuple[CountedRow, ...]
    whole: bool = True
    within: Cell = EVERYBODY
    pending: bool = False
    marks: SumMarks = SumMarks()
    guessed: frozenset[str] = frozenset()
    values: bool = False
    known: bool = True
    _sums: dict[tuple[frozenset[str], bool], dict[Cell, tuple[int, int | None]]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def labels(self) -> dict[str, set[str]]:
        """Return the labels of each dimension in the rows; callers must not change them."""
        return self._labels

    @cached_property
    def _labels(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {name: set() for name in self.dimensions}
        for row in self.rows:
            for name, label in row.cell:
                found[name].add(label)
        return found

    def known_cells(self) -> Cells:
        """Return the cells of the table, and the columns that identify them."""
        outside = {name for name, _ in self.within}
        names = tuple(name for name in self.dimensions if name not in outside)
        columns = () if names in ((row_name(self.source),), (PLACE,)) else names
        levels = [outside, *({name} | outside for name in columns)]
        if self.has_too_many_dimensions:
            levels = levels[:1]  # the sums by each dimension would be as many as the rows again
        sums = tuple(
            (cell, low)
            for over in levels
            for cell, (low, high) in self.sums(frozenset(over)).items()
            if high is not None
        )
        cells = tuple(row.cell for row in self.rows)
        return Cells(self.dimensions, columns, cells, sums, self.within)

    @cached_property
    def leaves(self) -> list[CountedRow]:
        """The rows that have a label of every dimension."""
        return [row for row in self.rows if len(row.cell) == len(self.dimensions)]

    @cached_property
    def total(self) -> int | None:
        """How many people the table counts in all, `within` its cell; None if that is not known."""
        return self.sums(self._outside).get(self.within, (0, None))[1]

    @cached_property
    def known_counts(self) -> list[int]:
        """The known counts of the leaves, in ascending order."""
        return sorted(leaf.count for leaf in self.leaves if leaf.count is not None)

    def same_sum(self, cell: Cell, count: int) -> bool | None:
        """Return whether an earlier table's cell summed up to `count`; None if unknown."""
        mark = self.marks.by_cell.get(cell)
        return None if mark is None else mark == self.marks.of_count(count)

    @property
    def has_too_many_dimensions(self) -> bool:
        """Whether it has more than `MOST_DIMENSIONS` dimensions, without those of `within`."""
        return len(self.dimensions) - len(self.within) > MOST_DIMENSIONS

    def without(self, rows: Collection[int]) -> CountReading:
        """Return the reading with these rows withheld."""
        remaining = tuple(replace(r, count=None) if r.row in rows else r for r in self.rows)
        return replace(self, rows=remaining, _sums={})

    @property
    def sums_up(self) -> bool:
        return any(len(row.cell) < len(self.dimensions) for row in self.rows)

    def lacking(self, labels: Labels) -> frozenset[str]:
        """Return the dimensions that lack some of `labels`, and those of `within`."""
        own = self._labels
        lacks = [n for n in self.dimensions if n in labels and not own[n].issuperset(labels[n])]
        return self._outside.union(lacks) if lacks else self._outside

    @cached_property
    def _outside(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.within)

    def sums(
        self, over: frozenset[str], labels: Labels | None = None
    ) -> Mapping[Cell, tuple[int, int | None]]:
        """Return the known sums over the dimensions `over`: at least, and at most if known.

        If `labels` has more labels of a dimension than the table, a sum over that dimension is not
        known.
        """
        lacking = self.lacking(labels) if labels else self._outside
        return self.summed(over, closed=lacking <= over)

    def summed(
        self, over: frozenset[str], *, closed: bool
    ) -> Mapping[Cell, tuple[int, int | None]]:
        """Return the sums as `sums` does; sums of rows are exact only if `closed`.

        `closed` means that the table has all labels of the dimensions that are summed up.
        """
        if (over, closed) not in self._sums:
            self._sums[over, closed] = self._summed(over, closed=closed)
        return self._sums[over, closed]

    def _summed(self, over: frozenset[str], *, closed: bool) -> dict[Cell, tuple[int, int | None]]:
        labels = self.labels()
        expected = prod(len(labels[name]) for name in self.dimensions if name not in over)
        low: Counter[Cell] = Counter()
        present: Counter[Cell] = Counter()
        open_cells: set[Cell] = set()
        for leaf in self.leaves:
            cell = frozenset(part for part in leaf.cell if part[0] in over)
            present[cell] += 1
            low[cell] += leaf.count or 0
            if leaf.count is None:
                open_cells.add(cell)
        found: dict[Cell, tuple[int, int | None]] = {
            cell: (
                low[cell],
                low[cell] if closed and cell not in open_cells and n == expected else None,
            )
            for cell, n in present.items()
        }
        for row in self.rows:
            if {name for name, _ in row.cell} == over and row.count is not None:
                found[row.cell] = (row.count, row.count)
        return found


def all_labels(readings: Sequence[CountReading]) -> dict[str, set[str]]:
    """Return the labels of each dimension in any of `readings`."""
    found: dict[str, set[str]] = defaultdict(set)
    for reading in readings:
        for name, seen in reading.labels().items():
            found[name] |= seen
    return dict(found)


def parts_of(whole: CountReading, steps: WorkLimit) -> list[CountReading]:
    """Return each label of each dimension as a table by itself, where a dimension has few labels.

    Raises TooManyStepsError.
    """
    found: list[CountReading] = []
    fixed = {name for name, _ in whole.within}
    free = [name for name in whole.dimensions if name not in fixed]
    labels = whole.labels()
    for name in free if _FEW <= len(free) <= MOST_DIMENSIONS else ():
        if len(labels[name]) > _MOST_PARTS:
            continue  # has too many labels to be measures of the same people
        steps.take(1 + len(whole.rows) // 4)
        rest = tuple(other for other in whole.dimensions if other != name)
        grouped: dict[str, list[CountedRow]] = defaultdict(list)
        for row in whole.rows:
            for part in row.cell:
                if part[0] == name:
                    cell = row.cell - {part}
                    grouped[part[1]].append(CountedRow(cell, row.count, row.row))
        found += [
            CountReading(
                whole.source,
                rest,
                tuple(rows),
                whole=False,
                within=whole.within,
                pending=whole.pending,
                marks=whole.marks.moved(partial(_within, (name, label))),
            )
            for label, rows in grouped.items()
        ]
    return found


def row_name(source: str) -> str:
    """The dimension of a table whose rows no column tells apart; no column has such a name."""
    return f"{NO_COLUMN}row of {source}"


def _within(part: tuple[str, str], cell: Cell) -> Cell | None:
    return cell - {part} if part in cell else None
