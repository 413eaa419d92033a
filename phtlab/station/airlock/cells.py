"""Which people a count is of, as a cell.

A cell says of some dimensions which label its people have: {sex: female, disease: yes}. A row
that sums up a dimension (`total`, `all`) is the cell without it, and the cell of everybody says
nothing at all. Two tables of one station speak of the same people where their dimensions have the
same names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any, Final

Cell = frozenset[tuple[str, str]]
EVERYBODY: Final[Cell] = frozenset()
NO_COLUMN: Final = "\0"
"""Begins names and labels that are ours: no text of a table has it."""

# What pandas, polars, SQL's ROLLUP, SAS, Stata and people call the row that sums up.
_TOTALS: Final = frozenset(
    [
        *("all", "total", "totals", "overall", "sum", "margin", "margins", "any", "both", "(all)"),
        *("everyone", "everybody", "(total)", "grand total", "\N{GREEK CAPITAL LETTER SIGMA}"),
        *("insgesamt", "gesamt", "alle", "summe", "totaal", "totale", "totali", "tous", "toutes"),
        *("ensemble", "todos", "todas", "suma"),
    ]
)
_FOLDED: Final = frozenset(word.casefold() for word in _TOTALS)


@dataclass(frozen=True)
class CountedRow:
    """`count` is None where it is not known any more: a row that an earlier stop withheld.

    `row` is the row's number in its table, None for one of an earlier stop.
    """

    cell: Cell
    count: int | None
    row: int | None = None


@dataclass(frozen=True)
class Cells:
    """All cells of an output that counts people, those that stay too; and how its rows are told.

    `columns` are the columns that make a row's cell; none for rows that nothing tells apart.
    `sums` are what everybody and each label of a dimension come to, withheld rows among them.
    `within` is the cell that all of them lie in.
    """

    dimensions: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[Cell, ...]
    sums: tuple[tuple[Cell, int], ...] = ()
    within: Cell = EVERYBODY

    @cached_property
    def _known(self) -> frozenset[Cell]:
        return frozenset(self.cells)

    @property
    def untold(self) -> bool:
        """Whether no column tells the rows apart."""
        return len(self.dimensions) > len(self.within) and not self.columns

    def cell_of(self, values: Sequence[Any]) -> Cell:
        """The cell of a row with these `values` of its `columns`."""
        told = zip(self.columns, values, strict=True)
        every = self.within | {(name, label_of(value)) for name, value in told}
        # A word for a total may be a label like others ("both" of two places).
        return every if every in self._known else frozenset(p for p in every if not is_total(p[1]))


def described(cell: Cell) -> str:
    """A cell in words, for the operator."""
    words = ", ".join(f"{name}={label}" for name, label in sorted(cell))
    return words.replace(NO_COLUMN, "") or "everybody"


def projections(dimensions: Sequence[str]) -> Iterable[tuple[str, ...]]:
    """Every choice of some of the dimensions, none and all among them."""
    for size in range(len(dimensions) + 1):
        yield from combinations(dimensions, size)


def label_of(value: Any) -> str:
    """A value of a column, as a label."""
    return "" if value is None else str(value)


def is_total(label: str) -> bool:
    """Whether it is a word for a total."""
    return label.strip().casefold() in _FOLDED
