"""`dataset`: by name, with the declared columns and types, or an error that says why not."""

from __future__ import annotations

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phtlab.runtime import DatasetError, dataset

CSV = """\
age,chol,sex,disease,seen,extra
63,233.5,f,true,2026-01-31,x
41,,m,no,,y
"""
COLUMNS = {
    "age": "integer",
    "chol": "number",
    "sex": "category",
    "disease": "boolean",
    "seen": "date",
}


@pytest.fixture
def declare(tmp_path, monkeypatch):
    """Declares one data set `heart` by PHTLAB_DATASETS; its file's content is given."""
    monkeypatch.delenv("PHTLAB_JOB", raising=False)

    def declare(content=CSV, columns=COLUMNS, form="csv", path="heart.csv"):
        if isinstance(content, str):
            (tmp_path / path).write_text(content)
        entry = {"path": path, "format": form, "columns": columns}
        (tmp_path / "datasets.json").write_text(json.dumps({"heart": entry}))
        monkeypatch.setenv("PHTLAB_DATASETS", str(tmp_path / "datasets.json"))
        return tmp_path

    return declare


def refusal(name="heart"):
    with pytest.raises(DatasetError) as caught:
        dataset(name)
    return str(caught.value)


def test_csv_comes_with_the_declared_columns_and_types(declare):
    declare()
    heart = dataset("heart")

    assert list(heart.columns) == list(COLUMNS)
    assert [dtype.kind for dtype in heart.dtypes[["age", "chol", "disease"]]] == ["i", "f", "b"]
    assert heart.seen.dtype.kind == "M"
    assert heart.disease.tolist() == [True, False]
    assert heart.sex.tolist() == ["f", "m"]
    assert pd.isna(heart.chol[1])


def test_parquet_gives_the_same_as_csv(declare):
    folder = declare()
    from_csv = dataset("heart")
    pd.read_csv(folder / "heart.csv").to_parquet(folder / "heart.parquet")
    declare(None, form="parquet", path="heart.parquet")

    pd.testing.assert_frame_equal(dataset("heart"), from_csv)


def test_integers_with_gaps_are_float64_so_that_linear_algebra_works(declare):
    declare("a,b\n1,1.5\n,2.5\n", {"a": "integer", "b": "number"})
    frame = dataset("heart")

    assert frame.a.dtype == "float64"
    assert frame.to_numpy().dtype == "float64"


def test_booleans_with_gaps_stay_booleans(declare):
    declare("a,b\n1,x\n,x\n0.0,x\nYes,x\n", {"a": "boolean"})

    assert dataset("heart").a.tolist() == [True, pd.NA, False, True]


def test_words_that_look_like_numbers_stay_words(declare):
    declare("code\n007\n010\n", {"code": "string"})

    assert dataset("heart").code.tolist() == ["007", "010"]


def test_without_declared_columns_the_file_comes_as_it_is(declare):
    declare("a,b\n1,x\n", {})

    assert list(dataset("heart").columns) == ["a", "b"]


def test_folder_is_its_path(declare, tmp_path):
    (tmp_path / "scans").mkdir()
    declare(None, {}, "folder", "scans")

    assert dataset("heart") == tmp_path / "scans"


def test_unknown_name_lists_what_there_is(declare):
    declare()

    assert refusal("lungs") == "there is no data set 'lungs' here. There is: 'heart'."


def test_nothing_configured_says_how_to(monkeypatch):
    monkeypatch.delenv("PHTLAB_JOB", raising=False)
    monkeypatch.delenv("PHTLAB_DATASETS", raising=False)

    assert "no data sets are configured here" in refusal()
    assert "PHTLAB_DATASETS" in refusal()


def test_missing_file_and_configuration(declare, tmp_path, monkeypatch):
    declare(None)
    assert f"{tmp_path}/heart.csv does not exist" in refusal()
    monkeypatch.setenv("PHTLAB_DATASETS", str(tmp_path / "nowhere.json"))
    assert "it is not a JSON file that can be read" in refusal()


def test_missing_columns_are_named(declare):
    declare("age\n1\n")

    assert refusal() == (
        "data set 'heart' lacks the declared columns 'chol', 'sex', 'disease', 'seen'. "
        "Mend the declaration or the file."
    )


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("other", ["age", "Age", " age "])
def test_two_columns_of_one_name_are_refused(declare, tmp_path, form, other):
    content = f"age,bmi,{other}\n40,22,41\n"
    if form == "parquet":
        table = pa.Table.from_arrays([pa.array([1])] * 3, names=["age", "bmi", other])
        pq.write_table(table, tmp_path / "heart.parquet")
        content = None
    declare(content, {"age": "integer"}, form, f"heart.{form}")
    said = refusal()
    assert "has more than one column of the name 'age', " in said
    assert "41" not in said


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("integer", "secret"),
        ("integer", "1.5"),
        ("number", "secret"),
        ("boolean", "secret"),
        ("date", "secret"),
    ],
)
def test_values_of_another_type_are_refused_and_not_quoted(declare, kind, value):
    declare(f"a\n1\n{value}\n", {"a": kind})

    assert refusal() == (
        f"data set 'heart': column 'a' holds values that are not of its declared type {kind}. "
        "Mend the declaration or the file."
    )


def test_unknown_type_and_unreadable_file(declare):
    declare("a\n1\n", {"a": "complex"})
    assert "declares the type 'complex'. Known are integer, number" in refusal()
    declare("a\n1\n", {"a": "integer"}, "parquet")
    assert "is not readable as parquet" in refusal()
