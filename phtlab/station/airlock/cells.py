"""Cells: the people that a count is about.

A cell maps some dimensions to the labels of its people: {sex: female, disease: yes}. A row that
sums up a dimension (`total`, `all`) is the cell without that dimension, and the cell of everybody
is empty. Two tables of one station are about the same people where their dimensions have the same
names.
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
"""Prefix of the airlock's own names and labels; no text of a table contains it."""
OF: Final = f"{NO_COLUMN}of"
"""Dimension of an output about a number of people, not known ones; its label is the number."""
PLACE: Final = f"{NO_COLUMN}place"
"""Dimension of a figure's marks that no text tells apart; the label is where the mark is drawn."""

_OF_MARKS: Final = frozenset({"artist", "series"})
"""The text columns that all marks of a figure have, as the runtime names them."""

# Labels of total rows in pandas, polars, SQL's ROLLUP, SAS, Stata and in tables made by hand.
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
    """A row's cell and its count.

    `count` is None if an earlier stop withheld the row. `row` is the row's number in its table,
    from 0; None for a row of an earlier stop.
    """

    cell: Cell
    count: int | None
    row: int | None = None


@dataclass(frozen=True)
class Cells:
    """Cells of an output with person counts, withheld ones included, and what identifies its rows.

    `columns` are the columns that make a row's cell; none if no column tells the rows apart. `sums`
    are the counts of everybody and of each label of a dimension, withheld rows included. `within`
    is the cell that contains all of them. `values` is how many numbers leave beside the counts;
    `reveals_count` is False if the output's value does not itself disclose how many people it is
    about.
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
        """Whether the output has rows that no column tells apart."""
        return len(self.dimensions) > len(self.within) and not self.columns

    def cell_of(self, values: Sequence[Any]) -> Cell:
        """Return the cell of a row with these `values` of its `columns`."""
        pairs = list(zip(self.columns, values, strict=True))
        spelt = self.within | {(name, spelt_out(value)) for name, value in pairs}
        compared = self.within | {(name, label_of(value)) for name, value in pairs}
        # A word for a total may be an ordinary label ("both" of two places).
        for cell in (spelt, compared):
            if cell in self._known:
                return cell
        return frozenset(part for part in compared if not is_total(part[1]))


def described(cell: Cell) -> str:
    """Describe a cell for the operator."""
    words = ", ".join(f"{name}={label}" for name, label in sorted(cell))
    return words.replace(NO_COLUMN, "") or "everybody"


def is_drawn(dimensions: Collection[str]) -> bool:
    """Return whether these are the dimensions of a figure's marks."""
    return PLACE in dimensions or _OF_MARKS.issubset(dimensions)


def projections(dimensions: Sequence[str]) -> Iterable[tuple[str, ...]]:
    """Yield every subset of the dimensions, the empty and the full one included."""
    for size in range(len(dimensions) + 1):
        yield from combinations(dimensions, size)


def label_of(value: Any) -> str:
    """Return a column's value as a label without differences of spelling: `F`, `f `; `1`, `1.0`."""
    return folded(spelt_out(value))


def spelt_out(value: Any) -> str:
    """Return a column's value as a label with its spelling kept."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


@lru_cache(maxsize=2**16)
def folded(text: str) -> str:
    """Remove differences of spelling from a name or label: NFKC, case, spaces, forms of numbers."""
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    if _NUMBER.fullmatch(plain):
        return format(Decimal(plain).normalize() + 0, "f")
    return plain


def is_total(label: str) -> bool:
    """Return whether `label` is, begins or ends with a word for a total ("all patients")."""
    words = folded(label).split()
    return bool(words) and not _FOLDED.isdisjoint({" ".join(words), words[0], words[-1]})
