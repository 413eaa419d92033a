"""Values of one person, recognized by name: the largest, the smallest, and quantiles.

A name is the author's name of a column, a row, an output or an array; a misleading name (`x` for
the oldest) is not detected. A name of a mean is a mean ("mean max heart rate"): the largest value
of each person is a measure like others.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from phtlab.station.airlock.formats.table import Table, TableColumn

_LARGEST: Final = frozenset(
    [
        *("max", "maximum", "maximal", "amax", "nanmax", "highest", "largest", "longest", "oldest"),
        *("eldest", "greatest"),
    ]
)
_SMALLEST: Final = frozenset(
    [
        *("min", "minimum", "minimal", "amin", "nanmin", "lowest", "smallest", "shortest"),
        "youngest",
    ]
)
_ENDS: Final = frozenset({"first", "last", "earliest", "latest", "newest"})
"""One person's value if a name ends in it, as pandas' `age_first` does; not in `first_line`."""
_CATEGORIES: Final = _ENDS | {"highest", "lowest", "largest", "smallest", "longest", "shortest"}
"""Also labels of bands, such as of education or income."""
_OF_MANY: Final = frozenset(
    [
        *("mean", "means", "avg", "average", "mittelwert", "sd", "std", "stdev", "se", "sem"),
        *("var", "variance"),
    ]
)
_NO_VALUE: Final = frozenset({"pool", "pooling", "iter", "iterations", "depth", "features"})
"""Words of a model's numbers that are largest or smallest without being a person's value."""
_STATISTICS: Final = _OF_MANY | {"median", "count"}

_WORD: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]+")
_NUMBER: Final = r"(\d{1,3}(?:[.,]\d{1,4})?)"
_BEFORE, _AFTER = r"(?<![a-z0-9.,])", r"(?![a-z0-9])"
_PERCENT: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_BEFORE}{_NUMBER} ?%",
        rf"{_BEFORE}p{_NUMBER}{_AFTER}",
        rf"{_BEFORE}q(\d\d{{1,2}}){_AFTER}",
        rf"{_BEFORE}{_NUMBER}(?:st|nd|rd|th)?[ _-]?(?:per)?centile",
        rf"(?:per)?centile[ _-]?{_NUMBER}{_AFTER}",
    )
)
_QUARTER: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_BEFORE}q([0-4]){_AFTER}",
        rf"{_BEFORE}([0-4])(?:st|nd|rd|th)?[ _-]?qu(?:artile)?{_AFTER}",
        rf"quartile[ _-]?([0-4]){_AFTER}",
    )
)
_LEVEL: Final = re.compile(r"[01]\.\d{1,4}")
_TEST: Final = re.compile(r"[pq]\d")
_QUESTION: Final = re.compile(r"q\d")
_MEDIAN: Final = 0.5
_FEW: Final = 2


@dataclass(frozen=True)
class Extremes:
    """Largest or smallest values, each of one person: `names` of columns and labels, and `rows`.

    `rows` have a quantile with fewer people beyond it than the minimum.
    """

    names: tuple[str, ...]
    rows: frozenset[int]


def level_of(name: str) -> float | None:
    """Return the quantile in a name: 0 the smallest value, 1 the largest; None for no quantile."""
    words = [part.casefold() for part in _WORD.findall(name)]
    if not _OF_MANY.isdisjoint(words):
        return None
    if not _LARGEST.isdisjoint(words) or (words and words[-1] in _ENDS):
        return 1
    if not _SMALLEST.isdisjoint(words):
        return 0
    plain = name.casefold().strip()
    for patterns, whole in ((_PERCENT, 100), (_QUARTER, 4)):
        for pattern in patterns:
            if (found := pattern.search(plain)) is not None:
                level = float(found[1].replace(",", ".")) / whole
                return level if level <= 1 else None
    return None


def is_extreme(name: str) -> bool:
    """Return whether an output's name is that of the largest or smallest value, or of a quantile.

    A `p1` by itself is a test's, and a `q1` a question.
    """
    return level_of(name) not in (None, _MEDIAN) and not _TEST.fullmatch(name)


def extreme_arrays(names: Iterable[str]) -> list[str]:
    """Return the names of a model's arrays that hold largest or smallest values of its data."""
    return [
        name
        for name in names
        if _NO_VALUE.isdisjoint(part.casefold() for part in _WORD.findall(name))
        and level_of(re.split(r"[./]", name)[-1]) in (0, 1)
    ]


def extremes_in(
    table: Table, counts: Sequence[int], others: Collection[str], by: Collection[str], minimum: int
) -> Extremes:
    """Find one person's values in a table, by the names of columns and the labels of rows.

    `others` are columns that hold no values; `by` are those declared as dimensions.
    """
    values = [c for c in table.columns if _is_value(c, others, by)]
    names: list[str] = []
    rows: set[int] = set()
    levels = {column.name: level_of(column.name) for column in values}
    levels.update(_numbered(values, counts))
    if "q4" in (plain := {_plain(name) for name in levels}) and "q0" not in plain:
        # Quarters of a year, or questions.
        levels = {n: None if _QUESTION.fullmatch(_plain(n)) else v for n, v in levels.items()}
    for column in values:
        _note(levels[column.name], column.name, range(table.rows), counts, minimum, names, rows)
    numbers = any(column.type in ("integer", "number") for column in values)
    for column in table.columns if numbers else ():
        for label, (level, found) in _statistics(column).items():
            _note(level, f"{column.name}={label}", found, counts, minimum, names, rows)
    return Extremes(tuple(names), frozenset(rows))


def _is_value(column: TableColumn, others: Collection[str], by: Collection[str]) -> bool:
    if column.type == "date":
        # A date that identifies a group is declared, or has no such name.
        return column.name not in by
    return column.type in ("integer", "number") and column.name not in others


def _note(
    level: float | None,
    name: str,
    of: Iterable[int],
    counts: Sequence[int],
    minimum: int,
    names: list[str],
    rows: set[int],
) -> None:
    if level in (0, 1):
        names.append(name)
    elif level is not None and level != _MEDIAN:
        rows.update(row for row in of if min(level, 1 - level) * counts[row] < minimum)


def _numbered(values: Sequence[TableColumn], counts: Sequence[int]) -> Mapping[str, float]:
    """Return the columns that pandas named by their quantile (`0.25`).

    If such columns sum up to the count, they are labels of a cross table instead.
    """
    named = [c for c in values if c.type == "number" and _LEVEL.fullmatch(c.name.strip())]
    named = [column for column in named if float(column.name) <= 1]
    sums = [
        sum(value or 0 for value in row) for row in zip(*(c.values for c in named), strict=True)
    ]
    if not named or sums == [*counts]:
        return {}
    return {column.name: float(column.name) for column in named}


def _statistics(column: TableColumn) -> Mapping[str, tuple[float | None, list[int]]]:
    """Return the labels of a column that names statistics, with their rows; else none.

    "Highest" among levels of education is an ordinary label: beside an extreme, a column of
    statistics has a mean, a deviation or a count, or the other extreme.
    """
    if column.type != "string":
        return {}
    rows: dict[str, list[int]] = {}
    for row, label in enumerate(column.values):
        if label is not None:
            rows.setdefault(label, []).append(row)
    levels = {label: _level_of_label(label) for label in rows}
    plain = any(_plain(label) in _STATISTICS for label in rows)
    ends = {level for label, level in levels.items() if _plain(label) not in _CATEGORIES}
    if not plain and not {0, 1} <= ends:
        return {}
    return {label: (levels[label], found) for label, found in rows.items()}


def _level_of_label(label: str) -> float | None:
    """As `level_of`; but a label of more than two words names a measure ("max heart rate")."""
    return level_of(label) if len(label.split()) <= _FEW else None


def _plain(label: str) -> str:
    return label.casefold().strip(" .")
