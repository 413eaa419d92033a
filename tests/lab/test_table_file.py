"""A station's file of a few bytes does not become the memory of who opens it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phtlab.lab.results.table_file import MAX_DENSE_BYTES, error_in
from tests.limits import LIMIT

TOO_LARGE = f"a table of at most {MAX_DENSE_BYTES // 2**20} MiB"
NOT_PLAIN = "a table of numbers, texts and dates"


def written(tmp_path: Path, column: pa.Array) -> Path:
    path = tmp_path / "counts.parquet"
    pq.write_table(pa.table({"a": column}), path, compression="zstd")
    return path


@pytest.mark.parametrize(
    "column",
    [
        pa.array([[0] * 2_000_000], pa.list_(pa.int8())),
        pa.array([{"a": 1}]),
        pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int8())),
        pa.array([[1, 2]], pa.list_(pa.int8(), 2)),
        pa.array([b"x" * 99], pa.binary(99)),
        pa.array([1], pa.decimal128(30)),
    ],
    ids=lambda column: str(column.type),
)
def test_cells_that_have_parts_or_any_width_are_refused_by_their_type(tmp_path, column):
    assert error_in(written(tmp_path, column)) == NOT_PLAIN


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary()], ids=str)
def test_a_text_that_every_row_repeats_is_counted_as_often(tmp_path, kind):
    rows = MAX_DENSE_BYTES // 10_000 + 1
    once = pa.DictionaryArray.from_arrays(
        pa.array([0] * rows, pa.int32()), pa.array(["x" * 10_000], pa.string()).cast(kind)
    )
    path = written(tmp_path, once)
    assert path.stat().st_size < 1000
    assert error_in(path) == TOO_LARGE


def test_what_is_refused_took_little_memory(tmp_path):
    """Two terabytes, were they dense."""
    once = pa.DictionaryArray.from_arrays(
        pa.array([0] * 2_000_000, pa.int32()), pa.array(["x" * 10**6])
    )
    path = written(tmp_path, once)
    code = (
        "import resource, sys; from pathlib import Path; import pandas, pyarrow.parquet\n"
        "from phtlab.lab.results.table_file import error_in\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(error_in(Path(sys.argv[1])))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=LIMIT,
    )
    fault, more = told.stdout.splitlines()
    assert fault == TOO_LARGE
    assert int(more) < 128 * 1024  # KiB


def test_one_huge_text_is_refused_by_what_the_file_says(tmp_path, monkeypatch):
    monkeypatch.setattr("phtlab.lab.results.table_file.MAX_DENSE_BYTES", 2**20)
    assert error_in(written(tmp_path, pa.array(["x" * 2**20]))) == "a table of at most 1 MiB"
    assert error_in(written(tmp_path, pa.array(["x" * 2**19]))) is None


def test_dates_count_as_the_objects_that_they_become(tmp_path):
    rows = MAX_DENSE_BYTES // 64 + 1024
    assert error_in(written(tmp_path, pa.nulls(rows, pa.date32()))) == TOO_LARGE
    assert error_in(written(tmp_path, pa.nulls(rows, pa.int64()))) is None


def test_an_honest_table_is_read(tmp_path):
    frame = pd.DataFrame(
        {
            "sex": ["Male", None, ""],
            "group": pd.Categorical(["a", "b", "a"]),
            "n": [1, 2, 3],
            "mean": [0.5, None, 2],
            "yes": [True, False, None],
            "day": [date(2024, 1, 1), None, date(2024, 1, 2)],
            "when": [datetime.now(UTC)] * 3,
            "nothing": [None] * 3,
        }
    )
    path = tmp_path / "counts.parquet"
    frame.to_parquet(path)
    assert error_in(path) is None
    frame.head(0).to_parquet(path)
    assert error_in(path) is None
