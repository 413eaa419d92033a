"""Tables as columns with one type each, which is all that the airlock has to read."""

from __future__ import annotations

import datetime
import json
import math
from typing import Any, NamedTuple

from phtlab.runtime.errors import PublishError

# More than any station's default lets out; a table of this size is the data set itself.
MOST_ROWS = 100_000
MOST_COLUMNS = 1_000
INT64 = range(-(2**63), 2**63)


class Column(NamedTuple):
    """A column: its name, its type (integer, number, string, boolean, date), its values.
    A missing value is None; a date is an ISO date as text."""

    name: str
    type: str
    values: list[Any]


def encode_table(columns: list[Column]) -> bytes:
    """The columns as `<name>.table.json` holds them."""
    content = {
        "columns": [{"name": column.name, "type": column.type} for column in columns],
        "data": [column.values for column in columns],
    }
    return json.dumps(content, allow_nan=False).encode()


def columns_of(name: str, value: Any, counts: str | None) -> list[Column]:
    """The columns of a DataFrame, a Series or a dict of columns, published as `name`.

    Raises:
        PublishError: not a table, or not one that can leave; says which column and why.
    """
    frame = _frame(name, value)
    _check_shape(name, frame)
    columns = [
        Column(str(label), *_typed(name, str(label), frame.iloc[:, position]))
        for position, label in enumerate(frame.columns)
    ]
    if counts is not None:
        check_counts("table", name, columns, counts)
    return columns


def _frame(name: str, value: Any) -> Any:
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        return value
    if isinstance(value, pd.Series):
        if value.name is None and not _has_meaning(value.index):
            raise PublishError("table-series", output=name)
        if value.name is None:
            raise PublishError("table-series-index", output=name)
        return value.to_frame()
    if isinstance(value, dict):
        for label, column in value.items():
            if not hasattr(column, "__len__") or isinstance(column, str | bytes | dict):
                of_type = type(column).__name__
                raise PublishError("table-single", output=name, key=label, of_type=of_type)
        try:
            return pd.DataFrame(value)
        except ValueError:
            raise PublishError("table-lengths", output=name) from None
    hint = " Did you mean kind='figure'?" if hasattr(value, "savefig") else ""
    hint = " Did you mean kind='scalar'?" if isinstance(value, bool | int | float | str) else hint
    raise PublishError("table-type", output=name, type=type(value).__name__, hint=hint)


def _has_meaning(index: Any) -> bool:
    """Whether an index says more than a row's position."""
    import pandas as pd

    if isinstance(index, pd.RangeIndex):
        return index.name is not None
    return index.name is not None or index.nlevels > 1 or index.dtype.kind not in "iu"


def _check_shape(name: str, frame: Any) -> None:
    if frame.columns.nlevels > 1:
        raise PublishError("table-levels", output=name, number=frame.columns.nlevels)
    if _has_meaning(frame.index):
        levels = ", ".join(f"'{level}'" for level in frame.index.names if level is not None)
        raise PublishError("table-index", output=name, levels=levels or "of labels")
    labels = list(frame.columns)
    for label in labels:
        if not isinstance(label, str) or not label:
            of_type = type(label).__name__
            raise PublishError("table-label", output=name, label=label, of_type=of_type)
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise PublishError("table-doubled", output=name, key=twice[0])
    if not labels:
        raise PublishError("table-empty", output=name)
    if len(labels) > MOST_COLUMNS:
        number, most = f"{len(labels):,}", f"{MOST_COLUMNS:,}"
        raise PublishError("table-wide", output=name, number=number, most=most)
    if len(frame) > MOST_ROWS:
        number, most = f"{len(frame):,}", f"{MOST_ROWS:,}"
        raise PublishError("table-long", output=name, number=number, most=most)


def _typed(name: str, label: str, series: Any) -> tuple[str, list[Any]]:
    import pandas as pd

    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        series = series.astype(object)
        dtype = series.dtype
    kind = getattr(dtype, "kind", "O")
    if isinstance(dtype, pd.IntervalDtype | pd.PeriodDtype):
        return "string", [None if gone else str(v) for v, gone in _with_gaps(series)]
    if kind == "b":
        return "boolean", [None if gone else bool(v) for v, gone in _with_gaps(series)]
    if kind in "iu":
        return "integer", [
            None if gone else _int64(name, label, int(v)) for v, gone in _with_gaps(series)
        ]
    if kind == "f":
        return "number", [
            None if gone else _finite(name, label, float(v)) for v, gone in _with_gaps(series)
        ]
    if kind == "M" or isinstance(dtype, pd.DatetimeTZDtype):
        return "date", [None if gone else _date(name, label, v) for v, gone in _with_gaps(series)]
    if kind == "O" or isinstance(dtype, pd.StringDtype):
        return _typed_objects(name, label, series)
    if kind == "m":
        advice = "Make numbers of it, e.g. .dt.total_seconds() or .dt.days."
    elif kind == "c":
        advice = "Publish .real and .imag as two columns."
    else:
        advice = "Make text of it with .astype(str), or numbers."
    raise PublishError("table-column-type", output=name, key=label, dtype=dtype, advice=advice)


def _typed_objects(name: str, label: str, series: Any) -> tuple[str, list[Any]]:
    """A column of Python objects has the type that all of its values have."""
    import numpy as np
    import pandas as pd

    pairs = _with_gaps(series)
    present = [v for v, gone in pairs if not gone]

    def all_are(*types: type) -> bool:
        return all(isinstance(v, types) for v in present)

    def values(convert: Any) -> list[Any]:
        return [None if gone else convert(v) for v, gone in pairs]

    if all_are(str):
        return "string", values(str)
    if all_are(pd.Interval, pd.Period):
        return "string", values(str)
    if all_are(bool, np.bool_):
        return "boolean", values(bool)
    if not any(isinstance(v, bool | np.bool_) for v in present):
        if all_are(int, np.integer):
            return "integer", values(lambda v: _int64(name, label, int(v)))
        if all_are(int, float, np.integer, np.floating):
            return "number", values(lambda v: _finite(name, label, float(v)))
    if all_are(datetime.date):
        return "date", values(lambda v: _date(name, label, v))
    kinds = sorted({type(v).__name__ for v in present})
    raise PublishError("table-mixed", output=name, key=label, types=", ".join(kinds))


def _with_gaps(series: Any) -> list[tuple[Any, bool]]:
    return list(zip(series.tolist(), series.isna().tolist(), strict=True))


def _int64(name: str, label: str, value: int) -> int:
    if value not in INT64:
        raise PublishError("table-integer", output=name, key=label)
    return value


def _finite(name: str, label: str, value: float) -> float:
    if math.isinf(value):
        raise PublishError("table-infinite", output=name, key=label)
    return value


def _date(name: str, label: str, value: Any) -> str:
    if isinstance(value, datetime.datetime):
        if value.timetz().replace(tzinfo=None) != datetime.time(0):
            raise PublishError("table-times", output=name, key=label)
        value = value.date()
    return str(value.isoformat())


def check_counts(kind: str, name: str, columns: list[Column], counts: str) -> None:
    """Raises PublishError unless the output's column `counts` is there and holds counts."""
    column = next((column for column in columns if column.name == counts), None)
    if column is None:
        labels = ", ".join(f"'{column.name}'" for column in columns)
        columns_note = f" It has {labels}."
        raise PublishError("counts-column", kind=kind, output=name, key=counts, there=columns_note)
    if column.type not in ("integer", "number") or any(
        v is None or v < 0 or v != int(v) for v in column.values
    ):
        raise PublishError("counts-values", kind=kind, output=name, key=counts)
