"""Which people a count is of, as a cell.

A cell says of some dimensions which label its people have: {sex: female, disease: yes}. A row
that sums up a dimension (`total`, `all`) is the cell without it, and the cell of everybody says
nothing at all. Two tables of one station speak of the same people where their dimensions have the
same names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import combinations
from typing import Any, Final

Cell = frozenset[tuple[str, str]]
EVERYBODY: Final[Cell] = frozenset()
NO_COLUMN: Final = "\0"
"""Begins names and labels that are ours: no text of a table has it."""
OF: Final = f"{NO_COLUMN}of"
"""The dimension of what says of how many people a value is, not of whom; its label is how many."""
PLACE: Final = f"{NO_COLUMN}place"
"""The dimension of a figure's marks that no text tells apart; its label is where one is drawn."""

_OF_MARKS: Final = frozenset({"artist", "series"})
"""The texts that all marks of a figure have, as the runtime reads them."""

# What pandas, polars, SQL's ROLLUP, SAS, Stata and people call the row that sums up.
_TOTALS: Final = frozenset(
    [
        *("all", "total", "totals", "overall", "sum", "margin", "margins", "any", "both", "(all)"),
        *("everyone", "everybody", "(total)", "grand total", "\N{GREEK CAPITAL LETTER SIGMA}"),
        *("insgesamt", "gesamt", "alle", "summe", "totaal", "totale", "totali", "tous", "toutes"),
        *("ensemble", "todos", "todas", "suma"),
    ]
)
_FOLDED: Final = frozenset(total_name.casefold() for total_name in _TOTALS)
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{0,40})?")


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
    `within` is the cell that all of them lie in. `values` are the numbers beside the counts, and
    `reveals_count` is false of a value that does not itself tell of how many people it is.
    """

    dimensions: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[Cell, ...]
    sums: tuple[tuple[Cell, int], ...] = ()
    within: Cell = EVERYBODY
    values: int = 0
    reveals_count: bool = True

    @cached_property
    def _known(self) -> frozenset[Cell]:
        return frozenset(self.cells)

    @property
    def untold(self) -> bool:
        """Whether no column tells the rows apart."""
        return len(self.dimensions) > len(self.within) and not self.columns

    def cell_of(self, values: Sequence[Any]) -> Cell:
        """The cell of a row with these `values` of its `columns`."""
        pairs = list(zip(self.columns, values, strict=True))
        spelt = self.within | {(name, spelt_out(value)) for name, value in pairs}
        compared = self.within | {(name, label_of(value)) for name, value in pairs}
        # A word for a total may be a label like others ("both" of two places).
        for cell in (spelt, compared):
            if cell in self._known:
                return cell
        return frozenset(part for part in compared if not is_total(part[1]))


def described(cell: Cell) -> str:
    """A cell in words, for the operator."""
    words = ", ".join(f"{name}={label}" for name, label in sorted(cell))
    return words.replace(NO_COLUMN, "") or "everybody"


def is_drawn(dimensions: Collection[str]) -> bool:
    """Whether these are the dimensions of a figure's marks."""
    return PLACE in dimensions or _OF_MARKS.issubset(dimensions)


def projections(dimensions: Sequence[str]) -> Iterable[tuple[str, ...]]:
    """Every choice of some of the dimensions, none and all among them."""
    for size in range(len(dimensions) + 1):
        yield from combinations(dimensions, size)


def label_of(value: Any) -> str:
    """A value of a column, as a label: the same one however it is spelt (`F`, `f `; `1`, `1.0`)."""
    return folded(spelt_out(value))


def spelt_out(value: Any) -> str:
    """A value of a column, as a label that keeps its letters as they are."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


@lru_cache(maxsize=2**16)
def folded(text: str) -> str:
    """A name or a label without what only its spelling says (Unicode's NFKC and case folding)."""
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    if _NUMBER.fullmatch(plain):
        return format(Decimal(plain).normalize() + 0, "f")
    return plain


def is_total(label: str) -> bool:
    """Whether it is a word for a total, or begins or ends with one ("all patients")."""
    words = folded(label).split()
    return bool(words) and not _FOLDED.isdisjoint({" ".join(words), words[0], words[-1]})
