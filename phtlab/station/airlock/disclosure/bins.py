"""Bins that end at the smallest and the largest value, as libraries make them from the data.

`hist(x, bins=10)` and `pandas.cut(x, 10)` divide the range of the data into equal parts, so both
values can be read, to the last digit, from the ends of the outer bins. Edges that an author chooses
are round: a width of 1, 5 or 2.5, or ends of few digits.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from phtlab.station.airlock.formats.table import Table

_NUMBER: Final = r"\s*([+-]?\d{1,20}(?:\.\d{1,20})?(?:e[+-]?\d{1,2})?)\s*"
_INTERVAL: Final = re.compile(rf"[\[(]{_NUMBER}[,;]{_NUMBER}[\])]")
_FEW: Final = 2
_MOST_DIGITS: Final = 3
_EXACT: Final = 10
"""Significant digits of a number that are compared: further digits may be a rounding error."""
_WIDENED: Final = 0.015
"""The largest part of its width by which pandas widens the first bin."""
_MONTHS: Final = frozenset({"12", "24"})

Span = tuple[float, float]


def bins_of_the_data(table: Table) -> list[str]:
    """Return columns of intervals and series of bars that seem to end at the data's extremes."""
    found = []
    for column in table.columns:
        if column.type == "string":
            spans = [span for label in {*column.values} if label and (span := _span(label))]
            if _are_of_the_data(spans):
                found.append(column.name)
    found += [name for name, spans in _bars(table) if _are_of_the_data(spans)]
    return found


def _span(label: str) -> Span | None:
    found = _INTERVAL.fullmatch(label.strip())
    return None if found is None else (float(found[1]), float(found[2]))


def _bars(table: Table) -> Iterator[tuple[str, list[Span]]]:
    """Yield the spans of each series of bars in a figure's data, by the runtime's column names."""
    columns = {column.name: column.values for column in table.columns}
    if not {"artist", "low", "high"} <= columns.keys():
        return
    series: dict[tuple[object, ...], list[Span]] = defaultdict(list)
    keys = zip(*(columns[n] for n in ("axes", "artist", "series") if n in columns), strict=True)
    for key, low, high in zip(keys, columns["low"], columns["high"], strict=True):
        if isinstance(low, int | float) and isinstance(high, int | float):
            series[key].append((float(low), float(high)))
    for key, spans in series.items():
        yield "bars of " + ", ".join(map(str, key)), spans


def _are_of_the_data(spans: Sequence[Span]) -> bool:
    spans = sorted({span for span in spans if all(map(math.isfinite, span))})
    if len(spans) < _FEW or any(not _meet(first, second) for first, second in pairwise(spans)):
        return False
    first, last = spans[0][0], spans[-1][1]
    restored = _without_margin(first)
    widths = [high - low for low, high in [(restored, spans[0][1]), *spans[1:]]]
    width = sorted(widths)[len(widths) // 2]
    if all(abs(candidate - width) <= _WIDENED * width for candidate in widths):
        if not _is_round(width):
            return True
        if all(_is_multiple(end, width / 2) for end in (restored, last)):
            return False
    elif restored != first:
        return True  # quantiles: pandas puts the first edge slightly below the smallest value
    return any(len(_digits(edge)) > _MOST_DIGITS for edge in (restored, last, *_inner(spans)))


def _meet(first: Span, second: Span) -> bool:
    return abs(second[0] - first[1]) <= 1e-6 * max(first[1] - first[0], 1e-9)


def _inner(spans: Sequence[Span]) -> list[float]:
    return [high for _, high in spans[:-1]]


def _without_margin(edge: float) -> float:
    """The edge before pandas widened it: with `include_lowest` pandas writes 19.999 for 20."""
    nearest = round(edge, 2)
    return nearest if math.isclose(nearest - edge, 0.001, abs_tol=1e-9) else edge


def _digits(number: float) -> str:
    """The significant digits, without zeros at either end."""
    mantissa = f"{abs(number):.{_EXACT - 1}e}".partition("e")[0]
    return mantissa.replace(".", "").strip("0")


def _is_round(width: float) -> bool:
    digits = _digits(width)
    return len(digits) <= 1 or (len(digits) == _FEW and (digits[1] == "5" or digits in _MONTHS))


def _is_multiple(number: float, unit: float) -> bool:
    parts = number / unit
    return abs(parts - round(parts)) <= 1e-6 * max(1.0, abs(parts))
