"""Tables: every column has one of five types, and what does not fit is told by column."""

from __future__ import annotations

import datetime
import decimal
import json

import numpy as np
import pandas as pd
import pytest

from phtlab.runtime import PublishError
from phtlab.runtime.table import columns_of, encode_table


def published(value, counts=None):
    content = json.loads(encode_table(columns_of("t", value, counts)))
    return {
        column["name"]: (column["type"], values)
        for column, values in zip(content["columns"], content["data"], strict=True)
    }


def refusal(value, counts=None):
    with pytest.raises(PublishError) as caught:
        columns_of("t", value, counts)
    return str(caught.value)


def test_each_type_of_column():
    frame = pd.DataFrame(
        {
            "int": [1, 2],
            "uint": np.array([1, 2**63 - 1], dtype="uint64"),
            "int_gap": pd.array([1, None], dtype="Int64"),
            "float": [1.5, float("nan")],
            "float32": np.array([0.5, 2], dtype="float32"),
            "bool": [True, False],
            "bool_gap": pd.array([True, None], dtype="boolean"),
            "text": ["ä", None],
            "category": pd.Categorical(["a", "b"]),
            "numbers": pd.Categorical([1, 2]),
            "date": pd.to_datetime(["2026-01-31", None]),
            "object_date": [datetime.date(2026, 1, 31), None],
            "interval": pd.cut(pd.Series([20, 50]), [18, 40, 60]),
            "period": pd.period_range("2026-01", periods=2, freq="M"),
            "mixed": pd.Series([1, 2.5], dtype=object),
            "object_int": pd.Series([1, None], dtype=object),
            "none": pd.Series([None, None], dtype=object),
        }
    )
    assert published(frame) == {
        "int": ("integer", [1, 2]),
        "uint": ("integer", [1, 2**63 - 1]),
        "int_gap": ("integer", [1, None]),
        "float": ("number", [1.5, None]),
        "float32": ("number", [0.5, 2.0]),
        "bool": ("boolean", [True, False]),
        "bool_gap": ("boolean", [True, None]),
        "text": ("string", ["ä", None]),
        "category": ("string", ["a", "b"]),
        "numbers": ("integer", [1, 2]),
        "date": ("date", ["2026-01-31", None]),
        "object_date": ("date", ["2026-01-31", None]),
        "interval": ("string", ["(18, 40]", "(40, 60]"]),
        "period": ("string", ["2026-01", "2026-02"]),
        "mixed": ("number", [1.0, 2.5]),
        "object_int": ("integer", [1, None]),
        "none": ("string", [None, None]),
    }


def test_series_and_dict_are_tables_too():
    assert published(pd.Series([1, 2], name="n")) == {"n": ("integer", [1, 2])}
    assert published({"sex": ["f", "m"], "n": np.array([3, 4])}) == {
        "sex": ("string", ["f", "m"]),
        "n": ("integer", [3, 4]),
    }


def test_row_positions_are_dropped_silently():
    frame = pd.DataFrame({"x": [1, 2, 3]})
    assert published(frame[frame.x > 1]) == {"x": ("integer", [2, 3])}


def test_empty_table_keeps_its_columns():
    assert published(pd.DataFrame({"n": pd.Series([], dtype="int64")})) == {"n": ("integer", [])}


def test_counts_column_is_checked():
    assert published({"n": [0, 12]}, counts="n") == {"n": ("integer", [0, 12])}
    assert refusal({"n": [1]}, counts="m") == (
        "table 't': counts='m' names no column of it. It has 'n'."
    )
    for bad in ([1.5, 2.0], [-1, 2], pd.array([1, None], dtype="Int64")):
        assert "must hold whole numbers of 0 or more" in refusal({"n": bad}, counts="n")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "and this is a int. Did you mean kind='scalar'?"),
        ([[1, 2]], "a table is a DataFrame, a Series or a dict of columns, and this is a list."),
        ({"a": [1, 2], "b": [1]}, "the columns of the dict have different lengths"),
        ({"a": 1}, "column 'a' is a int: write a list, even of one value"),
        ({}, "has no columns"),
        (pd.DataFrame({1: [1]}), "a column is named 1 (int), and names are text"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "has two columns named 'a'"),
        (pd.Series([1]), "the Series has no name. Add .rename('...').to_frame()."),
        (
            pd.DataFrame({"g": ["a"], "v": [1]}).groupby("g").mean(),
            "its index 'g' would be lost. Add .reset_index()",
        ),
        (
            pd.DataFrame({"g": ["a"], "h": [1], "v": [1]}).groupby(["g", "h"]).mean(),
            "its index 'g', 'h' would be lost. Add .reset_index()",
        ),
        (
            pd.DataFrame({"g": ["a"], "h": [1]}).groupby(["g", "h"]).size(),
            "Add .reset_index(name='n')",
        ),
        (pd.DataFrame({"v": [1.0]}).describe(), "its index of labels would be lost"),
        (
            pd.DataFrame({"g": ["a"], "v": [1]}).groupby("g").agg({"v": ["min", "max"]}),
            "has column names in 2 levels",
        ),
        (pd.DataFrame({"x": [float("inf")]}), "column 'x' holds an infinite number"),
        (pd.DataFrame({"x": [1 + 2j]}), "column 'x' is of type complex128. Publish .real"),
        (
            pd.DataFrame({"x": pd.to_timedelta(["1 day"])}),
            "Make numbers of it, e.g. .dt.total_seconds() or .dt.days.",
        ),
        (
            pd.DataFrame({"x": pd.to_datetime(["2026-01-31 12:00"])}),
            "column 'x' has times of day, and a date has none",
        ),
        (pd.DataFrame({"x": [[1], [2]]}), "column 'x' holds values of type list"),
        (pd.DataFrame({"x": ["a", 1]}), "column 'x' holds values of type int, str"),
        (pd.DataFrame({"x": [True, 1]}, dtype=object), "values of type bool, int"),
        (pd.DataFrame({"x": [decimal.Decimal(1)]}), "holds values of type Decimal"),
        (pd.DataFrame({"x": [2**63]}), "column 'x' holds an integer that 64 bits do not hold"),
        (pd.DataFrame({"x": [b"raw"]}), "holds values of type bytes"),
        (pd.DataFrame({"x": range(100_001)}), "has 100,001 rows; at most 100,000"),
        (pd.DataFrame([range(1001)]).rename(columns=str), "has 1,001 columns"),
    ],
)
def test_what_is_no_table_is_refused_with_advice(value, message):
    assert message in refusal(value)


def test_refusals_do_not_quote_values():
    said = refusal(pd.DataFrame({"x": ["Jane Doe", 1950]}))

    assert "Jane" not in said
    assert "1950" not in said
