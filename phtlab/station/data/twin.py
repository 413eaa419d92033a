"""The synthetic twin: a made-up table with the schema of the real one.

Generated from the declared schema and marginals, column by column, by a random sequence with the
schema's digest as its seed. The generator never reads a row, so the twin discloses nothing about
people, and analyses of it find nothing about them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from statistics import NormalDist

from phtlab.station.data.schema import ColumnSchema, DataSetSchema

_WIDTH_WITHOUT_BOUNDS = 100.0
_DAYS_WITHOUT_BOUNDS = 3650


def make_twin(schema: DataSetSchema) -> bytes:
    """Make the twin as CSV (UTF-8, `\\n`): the same bytes for the same schema on any machine."""
    columns = [list(_values(column, schema)) for column in schema.columns]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([column.name for column in schema.columns])
    writer.writerows(zip(*columns, strict=True))
    return buffer.getvalue().encode()


def _values(column: ColumnSchema, schema: DataSetSchema) -> Iterator[str]:
    # Only Random.random() gives the same sequence in every version of Python.
    draw = Random(f"{schema.digest}/{column.name}").random  # noqa: S311 - not for secrets
    for _ in range(schema.twin_rows):
        empty = draw() < column.marginal.missing
        value = _value(column, draw())
        yield "" if empty else value


def _value(column: ColumnSchema, uniform: float) -> str:
    if column.type == "boolean":
        return _weighted(("true", "false"), column, uniform)
    if column.categories:
        return _weighted(column.categories, column, uniform)
    if column.type == "string":
        return f"{column.name}-{int(uniform * 10)}"
    if column.type == "date":
        return _day(column, uniform).isoformat()
    number = _number(column, uniform)
    return str(round(number)) if column.type == "integer" else repr(round(number, 4))


def _weighted(choices: tuple[str, ...], column: ColumnSchema, uniform: float) -> str:
    declared = column.marginal.weights or dict.fromkeys(choices, 1.0)
    weights = [declared.get(choice, 0.0) for choice in choices]
    rest = uniform * sum(weights)
    for choice, weight in zip(choices, weights, strict=True):
        rest -= weight
        if rest < 0:
            return choice
    return choices[-1]


def _number(column: ColumnSchema, uniform: float) -> float:
    low, high = _as_number(column.minimum), _as_number(column.maximum)
    mean, deviation = column.marginal.mean, column.marginal.deviation
    if mean is not None and deviation is not None:
        drawn = NormalDist(mean, deviation).inv_cdf(min(max(uniform, 1e-9), 1 - 1e-9))
        drawn = drawn if low is None else max(drawn, low)
        return drawn if high is None else min(drawn, high)
    if low is None:
        low = 0.0 if high is None else high - _WIDTH_WITHOUT_BOUNDS
    if high is None:
        high = low + _WIDTH_WITHOUT_BOUNDS
    return low + uniform * (high - low)


def _day(column: ColumnSchema, uniform: float) -> date:
    low = column.minimum if isinstance(column.minimum, date) else date(2015, 1, 1)
    high = column.maximum
    last = high if isinstance(high, date) else low + timedelta(days=_DAYS_WITHOUT_BOUNDS)
    return low + timedelta(days=int(uniform * ((last - low).days + 1)))


def _as_number(bound: float | date | None) -> float | None:
    return None if bound is None or isinstance(bound, date) else float(bound)
