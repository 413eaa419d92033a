"""A table that counts people, as cells: which people each row is about, and how many there are.

A cell says of some dimensions which label its people have: {sex: female, disease: yes}. A row
that sums up a dimension (`total`, `all`) is the cell without it, and the cell of everybody says
nothing at all. Two tables of one station speak of the same people where their dimensions have the
same names.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import combinations
from math import prod
from typing import Any, Final

from phtlab.station.airlock.table import Table, TableColumn

Cell = frozenset[tuple[str, str]]
EVERYBODY: Final[Cell] = frozenset()

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
_MOST_PARTS: Final = 20
_FEW: Final = 2


def _unknown(_cell: Cell, _count: int) -> bool | None:
    return None


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
    """

    dimensions: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[Cell, ...]
    sums: tuple[tuple[Cell, int], ...] = ()

    @cached_property
    def _known(self) -> frozenset[Cell]:
        return frozenset(self.cells)

    @property
    def untold(self) -> bool:
        """Whether no column tells the rows apart."""
        return bool(self.dimensions) and not self.columns

    def cell_of(self, values: Sequence[Any]) -> Cell:
        """The cell of a row with these `values` of its `columns`."""
        every = frozenset(
            (name, _text(value)) for name, value in zip(self.columns, values, strict=True)
        )
        # A word for a total may be a label like others ("both" of two places).
        return every if every in self._known else frozenset(p for p in every if not _is_total(p[1]))


@dataclass(frozen=True, eq=False)
class Reading:
    """One way to read a table: as a whole, or one label of a dimension as a table by itself.

    `source` names the table, or the earlier stop's; `whole` is False for a part; `pending` is a
    table of another stop that waits for a person, and may leave or not. `same_sum` says of an
    earlier table with withheld rows whether a cell summed up to so many; None if nobody knows.
    """

    source: str
    dimensions: tuple[str, ...]
    rows: tuple[CountedRow, ...]
    whole: bool = True
    pending: bool = False
    same_sum: Callable[[Cell, int], bool | None] = field(default=_unknown, compare=False)
    _sums: dict[frozenset[str], dict[Cell, tuple[int, int | None]]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def labels(self) -> dict[str, set[str]]:
        """The labels of each dimension that a row has."""
        found: dict[str, set[str]] = {name: set() for name in self.dimensions}
        for row in self.rows:
            for name, label in row.cell:
                found[name].add(label)
        return found

    def told_by(self) -> Cells:
        """Its cells, and the columns that tell them."""
        named_rows = self.dimensions == (_row_name(self.source),)
        columns = () if named_rows else self.dimensions
        levels = [frozenset[str](), *(frozenset({name}) for name in columns)]
        sums = tuple(
            (cell, low)
            for over in levels
            for cell, (low, high) in self.sums(over).items()
            if high is not None
        )
        return Cells(self.dimensions, columns, tuple(row.cell for row in self.rows), sums)

    @property
    def leaves(self) -> list[CountedRow]:
        """The rows that sum nothing up."""
        return [row for row in self.rows if len(row.cell) == len(self.dimensions)]

    @property
    def total(self) -> int | None:
        """How many people it counts in all, if that is told."""
        return self.sums(frozenset()).get(EVERYBODY, (0, None))[1]

    @property
    def told(self) -> list[int]:
        """The counts of the rows that are told and sum nothing up, in order."""
        return sorted(leaf.count for leaf in self.leaves if leaf.count is not None)

    def without(self, rows: Collection[int]) -> Reading:
        """The same with these rows withheld."""
        left = tuple(replace(r, count=None) if r.row in rows else r for r in self.rows)
        return replace(self, rows=left, _sums={})

    @property
    def sums_up(self) -> bool:
        return any(len(row.cell) < len(self.dimensions) for row in self.rows)

    def sums(self, over: frozenset[str]) -> Mapping[Cell, tuple[int, int | None]]:
        """What is known of the cells of the dimensions `over`: at least, and at most if known."""
        if over not in self._sums:
            self._sums[over] = self._summed(over)
        return self._sums[over]

    def _summed(self, over: frozenset[str]) -> dict[Cell, tuple[int, int | None]]:
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
            cell: (low[cell], None if cell in open_cells or n < expected else low[cell])
            for cell, n in present.items()
        }
        for row in self.rows:
            if {name for name, _ in row.cell} == over and row.count is not None:
                found[row.cell] = (row.count, row.count)
        return found


def agree(one: Reading, other: Reading) -> tuple[bool, int]:
    """Whether both can be about the same people, and in how many cells they are seen to be."""
    shared = frozenset(one.dimensions) & frozenset(other.dimensions)
    same = 0
    for over in {shared, frozenset[str]()}:
        fits, seen = _agree_over(one, other, over)
        if not fits:
            return False, 0
        same += seen if over == shared else 0
    return True, same


def _agree_over(one: Reading, other: Reading, over: frozenset[str]) -> tuple[bool, int]:
    same = 0
    ours, theirs = one.sums(over), other.sums(over)
    for cell in ours.keys() & theirs.keys():
        (low, high), (their_low, their_high) = ours[cell], theirs[cell]
        if (high is not None and their_low > high) or (their_high is not None and low > their_high):
            return False, 0
        known = None
        if high is None and their_high is not None:
            known = one.same_sum(cell, their_high)
        elif their_high is None and high is not None:
            known = other.same_sum(cell, high)
        if known is False:
            return False, 0
        same += known is True or (high is not None and high == their_high)
    return True, same


def dimensions_of(table: Table, declared: Sequence[str], others: Collection[str]) -> list[str]:
    """The columns that say which people a row is about.

    Those declared, if they tell the rows apart; else the columns of text, truths and dates, with
    whole numbers (years, codes) as far as those are needed. `others` are none for sure.
    """
    columns = {column.name: column for column in table.columns if column.name not in others}
    known = [name for name in declared if name in columns]
    if known and _distinct(columns, known, table.rows):
        return known
    found = [n for n, column in columns.items() if column.type in ("string", "boolean", "date")]
    for name, column in columns.items():
        if _distinct(columns, found, table.rows):
            break
        if column.type == "integer":
            found.append(name)
    return found


def readings_of(
    source: str, table: Table, counts: Sequence[int], dimensions: Sequence[str], *, parts: bool
) -> list[Reading]:
    """The ways to read a table of these `counts`.

    Rows that no dimension tells apart are each about people of its own. With `parts`, each label
    of a dimension is also read as a table by itself: a table of several measures of the same
    people is several tables.
    """
    columns = {column.name: column for column in table.columns}
    if not _distinct(columns, dimensions, table.rows):
        dimensions = ()
        names: tuple[str, ...] = (_row_name(source),)
        cells = [frozenset({(names[0], str(row))}) for row in range(table.rows)]
        return [Reading(source, names, _rows(cells, counts))]
    names = tuple(dimensions)
    labels = [[_label(columns[n], row) for n in names] for row in range(table.rows)]
    named = {name: _totals_by_name(labels, counts, i) for i, name in enumerate(names)}
    whole = Reading(source, names, _rows(_cells(names, labels, named), counts))
    found = [whole]
    by_value = {
        name: found_total
        for i, name in enumerate(names)
        if not named[name] and (found_total := _total_by_value(labels, counts, i))
    }
    if by_value:
        found.append(Reading(source, names, _rows(_cells(names, labels, named | by_value), counts)))
    if parts:
        found += parts_of(whole)
    return found


def described(cell: Cell) -> str:
    """A cell in words, for the operator."""
    return ", ".join(f"{name}={label}" for name, label in sorted(cell)) or "everybody"


def projections(dimensions: Sequence[str]) -> Iterable[tuple[str, ...]]:
    """Every choice of some of the dimensions, none and all among them."""
    for size in range(len(dimensions) + 1):
        yield from combinations(dimensions, size)


def _row_name(source: str) -> str:
    return f"row of {source}"


def _rows(cells: Sequence[Cell], counts: Sequence[int]) -> tuple[CountedRow, ...]:
    return tuple(
        CountedRow(cell, count, row)
        for row, (cell, count) in enumerate(zip(cells, counts, strict=True))
    )


def _cells(
    names: Sequence[str], labels: Sequence[Sequence[str]], totals: Mapping[str, set[str]]
) -> list[Cell]:
    return [
        frozenset(
            (name, label)
            for name, label in zip(names, row, strict=True)
            if label not in totals[name]
        )
        for row in labels
    ]


def _totals_by_name(labels: Sequence[Sequence[str]], counts: Sequence[int], place: int) -> set[str]:
    """The labels that are words for a total, and count no fewer than the others together."""
    found = {row[place] for row in labels if _is_total(row[place])}
    for line in _lines(labels, counts, place) if found else ():
        others = sum(count for label, count in line.items() if not _is_total(label))
        found -= {label for label in found if line.get(label, others) < others}
    return found


def _lines(
    labels: Sequence[Sequence[str]], counts: Sequence[int], place: int
) -> list[dict[str, int]]:
    """The counts along one dimension, by label, for each choice of the other labels."""
    lines: dict[tuple[str, ...], dict[str, int]] = defaultdict(dict)
    for row, count in zip(labels, counts, strict=True):
        lines[*row[:place], *row[place + 1 :]][row[place]] = count
    return list(lines.values())


def _total_by_value(labels: Sequence[Sequence[str]], counts: Sequence[int], place: int) -> set[str]:
    """The label that is the sum of the others wherever it stands, if there is one."""
    lines = _lines(labels, counts, place)
    candidates = {label for line in lines for label in line}
    if len(candidates) <= _FEW:
        return set()
    for line in lines:
        whole = sum(line.values())
        candidates -= {label for label, count in line.items() if 2 * count != whole}
    held = {c for c in candidates if any(line.get(c) for line in lines)}
    return {min(held)} if held else set()


def parts_of(whole: Reading) -> list[Reading]:
    """Each label of each dimension as a table by itself, where a dimension has few."""
    found: list[Reading] = []
    if len(whole.dimensions) < _FEW:
        return found
    labels = whole.labels()
    for name in whole.dimensions:
        if len(labels[name]) > _MOST_PARTS:
            continue  # measures are few
        rest = tuple(other for other in whole.dimensions if other != name)
        grouped: dict[str, list[CountedRow]] = defaultdict(list)
        for row in whole.rows:
            for part in row.cell:
                if part[0] == name:
                    cell = row.cell - {part}
                    grouped[part[1]].append(CountedRow(cell, row.count, row.row))
        found += [
            Reading(
                whole.source,
                rest,
                tuple(rows),
                whole=False,
                pending=whole.pending,
                same_sum=partial(_same_sum_of_part, whole, (name, label)),
            )
            for label, rows in grouped.items()
        ]
    return found


def _same_sum_of_part(whole: Reading, part: tuple[str, str], cell: Cell, count: int) -> bool | None:
    return whole.same_sum(cell | {part}, count)


def _distinct(columns: Mapping[str, TableColumn], names: Sequence[str], rows: int) -> bool:
    if rows <= 1:
        return True
    seen = set(zip(*(columns[name].values for name in names), strict=True)) if names else set()
    return len(seen) == rows


def _label(column: TableColumn, row: int) -> str:
    return _text(column.values[row])


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _is_total(label: str) -> bool:
    return label.strip().casefold() in _FOLDED
