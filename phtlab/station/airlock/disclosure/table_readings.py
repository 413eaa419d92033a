"""The readings of a table that counts people."""

from __future__ import annotations

import operator
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from phtlab.station.airlock.cells import PLACE, Cell, CountedRow, folded, is_total, spelt_out
from phtlab.station.airlock.disclosure.count_reading import CountReading, parts_of, row_name
from phtlab.station.airlock.formats.table import Table, TableColumn
from phtlab.station.airlock.work_limit import MOST_DIMENSIONS, WorkLimit

_FEW: Final = 2


def dimensions_of(
    table: Table, declared: Sequence[str], others: Collection[str], *, numbers: bool = True
) -> list[str]:
    """Return the columns that identify the people of a row.

    Those declared, if they tell the rows apart; else the columns of text, booleans and dates, with
    whole numbers (years, codes) and then other numbers (edges of bins) as far as the rows need
    them. `others` are never dimensions; nor are non-integers without `numbers`, where they only
    position marks.
    """
    columns = {column.name: column for column in table.columns if column.name not in others}
    known = [name for name in declared if name in columns]
    if known and _distinct(columns, known, table.rows):
        return known
    found = [n for n, column in columns.items() if column.type in ("string", "boolean", "date")]
    for kind in ("integer", "number") if numbers else ("integer",):
        for name, column in columns.items():
            # A code identifies the people even in a table of one row.
            distinguishable = _distinct(columns, found, table.rows) and (found or kind == "number")
            if distinguishable or len(found) > MOST_DIMENSIONS:
                return found
            if column.type == kind:
                found.append(name)
    return found


def readings_of(
    source: str,
    table: Table,
    counts: Sequence[int],
    dimensions: Sequence[str],
    *,
    within: Cell,
    minimum: int,
    steps: WorkLimit | None,
    drawn: Collection[str] = (),
) -> list[CountReading]:
    """Return the readings of a table with these `counts`, all of people `within` a cell.

    `minimum` is the limit on how many people a total may exceed its parts by. Rows that no
    dimension tells apart are each about separate people; those of a figure about the people of a
    place, which its `drawn` columns give. Each label of a dimension is also read as a table by
    itself: a table of several measures of the same people is several tables. Without `steps`, or
    with too many dimensions, only the table as a whole. Raises TooManyStepsError.
    """
    columns = {column.name: column for column in table.columns}
    outside = tuple(name for name, _ in sorted(within))
    if not _distinct(columns, dimensions, table.rows):
        names: tuple[str, ...] = (PLACE if drawn else row_name(source),)
        labels = _places(columns, drawn, table.rows)
        spelt = _spelt(columns, dimensions, table.rows)
        # A row of which all labels are words for a total.
        called = {row for row, found in enumerate(spelt) if found and all(map(is_total, found))}
        totals = {names[0]: called}
    else:
        names = _folded_names(dimensions)
        labels = _labels(columns, dimensions, table.rows)
        everybody = _rows_of_everybody(labels, counts)
        totals = {
            name: _totals_by_name(labels, counts, i) | everybody for i, name in enumerate(names)
        }

    def reading(totals: Mapping[str, set[int]]) -> CountReading:
        cells = [within | cell for cell in _cells(names, labels, totals)]
        return CountReading(source, names + outside, _rows(cells, counts), within=within)

    whole = reading(totals)
    if steps is None or whole.has_too_many_dimensions:
        return [whole]
    steps.take(1 + len(whole.rows) * len(names) // 4)
    by_value = {
        name: found_total
        for i, name in enumerate(names)
        if not totals[name] and (found_total := _total_by_value(labels, counts, i, minimum))
    }
    found = [whole]
    if any(totals.values()):
        found.append(reading({name: set() for name in names}))  # an ordinary label after all
    if by_value:
        found.append(reading(totals | by_value))
    return found + parts_of(whole, steps)


def _places(
    columns: Mapping[str, TableColumn], drawn: Collection[str], rows: int
) -> list[list[str]]:
    """The label of each row: the place of its mark, numbered from the second mark in that place."""
    before: Counter[str] = Counter()
    labels = []
    for number, row in enumerate(_spelt(columns, sorted(drawn), rows)):
        place = ", ".join(row) if drawn else str(number)
        labels.append([f"{place} ({before[place]})" if before[place] else place])
        before[place] += 1
    return labels


def _folded_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names without differences of spelling; as spelt if two would be the same."""
    found = tuple(map(folded, names))
    return found if len(set(found)) == len(found) else tuple(names)


def _labels(columns: Mapping[str, TableColumn], names: Sequence[str], rows: int) -> list[list[str]]:
    """The labels of each row without differences of spelling; as spelt if rows would be equal."""
    spelt = _spelt(columns, names, rows)
    found = [[folded(label) for label in row] for row in spelt]
    return found if len(set(map(tuple, found))) == len(set(map(tuple, spelt))) else spelt


def _spelt(columns: Mapping[str, TableColumn], names: Sequence[str], rows: int) -> list[list[str]]:
    return [[spelt_out(columns[name].values[row]) for name in names] for row in range(rows)]


def _rows(cells: Sequence[Cell], counts: Sequence[int]) -> tuple[CountedRow, ...]:
    return tuple(
        CountedRow(cell, count, row)
        for row, (cell, count) in enumerate(zip(cells, counts, strict=True))
    )


def _cells(
    names: Sequence[str], labels: Sequence[Sequence[str]], totals: Mapping[str, set[int]]
) -> list[Cell]:
    return [
        frozenset(
            (name, label)
            for name, label in zip(names, row, strict=True)
            if number not in totals[name]
        )
        for number, row in enumerate(labels)
    ]


def _totals_by_name(labels: Sequence[Sequence[str]], counts: Sequence[int], place: int) -> set[int]:
    """Return the rows with a word for a total that count no fewer than the others together."""
    if not any(is_total(row[place]) for row in labels):
        return set()
    found: set[int] = set()
    for line in _lines(labels, place):
        called = {row for row in line if is_total(labels[row][place])}
        others = sum(counts[row] for row in line if row not in called)
        found |= {row for row in called if counts[row] >= others}
    return found


def _rows_of_everybody(labels: Sequence[Sequence[str]], counts: Sequence[int]) -> set[int]:
    """Return the rows with a word for a total and no label that another row has.

    Such is "overall" in a table of variables and their labels. The rows count no fewer people than
    the others together.
    """
    called = {row for row, own in enumerate(labels) if any(map(is_total, own))}
    others = [own for row, own in enumerate(labels) if row not in called]
    seen = [set(column) for column in zip(*others, strict=True)]
    apart = {row for row in called if not any(map(operator.contains, seen, labels[row]))}
    rest = sum(count for row, count in enumerate(counts) if row not in apart)
    return {row for row in apart if counts[row] >= rest} if others else set()


def _lines(labels: Sequence[Sequence[str]], place: int) -> list[list[int]]:
    """Return the rows along one dimension, for each choice of the other labels."""
    lines: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, row in enumerate(labels):
        lines[*row[:place], *row[place + 1 :]].append(number)
    return list(lines.values())


def _total_by_value(
    labels: Sequence[Sequence[str]], counts: Sequence[int], place: int, minimum: int
) -> set[int]:
    """Return the rows of a label that counts as many as the others together in every line.

    An empty label may also count fewer than `minimum` more: some people have no other label.
    """
    lines = _lines(labels, place)
    candidates = {row[place] for row in labels}
    if len(candidates) <= _FEW:
        return set()
    for line in lines:
        whole = sum(counts[row] for row in line)
        for row in line:
            label, more = labels[row][place], 2 * counts[row] - whole
            if not (more == 0 or (label == "" and 0 < more < minimum)):
                candidates.discard(label)
    held = {labels[row][place] for row, count in enumerate(counts) if count} & candidates
    return {row for row, own in enumerate(labels) if own[place] == min(held)} if held else set()


def _distinct(columns: Mapping[str, TableColumn], names: Sequence[str], rows: int) -> bool:
    if rows <= 1:
        return True
    seen = set(zip(*(columns[name].values for name in names), strict=True)) if names else set()
    return len(seen) == rows
