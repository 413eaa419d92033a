"""The ways to read a table that counts people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from phtlab.station.airlock.cells import Cell, CountedRow, is_total, label_of
from phtlab.station.airlock.reading import Reading, parts_of, row_name
from phtlab.station.airlock.table import Table, TableColumn

_FEW: Final = 2


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
    source: str,
    table: Table,
    counts: Sequence[int],
    dimensions: Sequence[str],
    *,
    within: Cell,
    parts: bool,
) -> list[Reading]:
    """The ways to read a table of these `counts`, all of people `within` a cell.

    Rows that no dimension tells apart are each about people of its own. With `parts`, each label
    of a dimension is also read as a table by itself: a table of several measures of the same
    people is several tables.
    """
    columns = {column.name: column for column in table.columns}
    outside = tuple(name for name, _ in sorted(within))
    if not _distinct(columns, dimensions, table.rows):
        names: tuple[str, ...] = (row_name(source),)
        cells = [within | {(names[0], str(row))} for row in range(table.rows)]
        return [Reading(source, names + outside, _rows(cells, counts), within=within)]
    names = tuple(dimensions)
    labels = [[label_of(columns[n].values[row]) for n in names] for row in range(table.rows)]
    totals = {name: _totals_by_name(labels, counts, i) for i, name in enumerate(names)}

    def reading(totals: Mapping[str, set[str]]) -> Reading:
        cells = [within | cell for cell in _cells(names, labels, totals)]
        return Reading(source, names + outside, _rows(cells, counts), within=within)

    whole = reading(totals)
    by_value = {
        name: found_total
        for i, name in enumerate(names)
        if not totals[name] and (found_total := _total_by_value(labels, counts, i))
    }
    found = [whole]
    if by_value:
        found.append(reading(totals | by_value))
    if parts:
        found += parts_of(whole)
    return found


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
    found = {row[place] for row in labels if is_total(row[place])}
    for line in _lines(labels, counts, place) if found else ():
        others = sum(count for label, count in line.items() if not is_total(label))
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


def _distinct(columns: Mapping[str, TableColumn], names: Sequence[str], rows: int) -> bool:
    if rows <= 1:
        return True
    seen = set(zip(*(columns[name].values for name in names), strict=True)) if names else set()
    return len(seen) == rows
