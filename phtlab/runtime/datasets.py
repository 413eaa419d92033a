"""`dataset`: the data that a station cell works on, by name.

At a station it is what the station mounted and declared; on an analyst's machine it is
the twin, or a file of one's own, that PHTLAB_DATASETS points to.
"""

from __future__ import annotations

import json
import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from phtlab.runtime.errors import DatasetError, JobError
from phtlab.runtime.job import DeclaredDataset, datasets_of, read_job

_TRUE = frozenset({"true", "t", "yes", "y", "1", "1.0"})
_FALSE = frozenset({"false", "f", "no", "n", "0", "0.0"})
_TYPES = ("integer", "number", "string", "category", "boolean", "date")


def dataset(name: str) -> Any:
    """The data set `name`: a DataFrame, or for a folder its path.

    Columns come with the declared types, and only the declared columns come. The dtype
    does not depend on anything but the type and whether a value is missing: integer is
    int64, with gaps float64; number is float64; boolean is bool, with gaps boolean;
    string and category are str; date is datetime64.

    Raises:
        DatasetError: there is no such data set here, its file is gone, or it lacks a
            declared column or type. The message names columns, never values.
    """
    declared = _declared()
    if name not in declared:
        known = ", ".join(f"'{other}'" for other in sorted(declared)) or "none"
        raise DatasetError("dataset-unknown", key=name, known=f" There is: {known}.")
    entry = declared[name]
    if not Path(entry.path).exists():
        raise DatasetError("dataset-file", dataset=name, path=entry.path)
    if entry.format == "folder":
        return Path(entry.path)
    unknown = sorted(set(entry.columns.values()) - set(_TYPES))
    if unknown:
        known = f" Known are {', '.join(_TYPES)}."
        raise DatasetError("dataset-type", dataset=name, declared=unknown[0], known=known)
    return _read(entry)


def _declared() -> dict[str, DeclaredDataset]:
    job = os.environ.get("PHTLAB_JOB")
    if job:
        return read_job(job).datasets
    path = os.environ.get("PHTLAB_DATASETS")
    if not path:
        raise DatasetError("dataset-configuration")
    try:
        content = json.loads(Path(path).read_bytes())
        declared = datasets_of(content, path)
    except (OSError, ValueError, JobError) as error:
        reason = error if isinstance(error, JobError) else "it is not a JSON file that can be read"
        raise DatasetError("dataset-declarations", path=path, reason=reason) from None
    folder = Path(path).parent
    return {key: entry._replace(path=str(folder / entry.path)) for key, entry in declared.items()}


def _read(entry: DeclaredDataset) -> Any:
    import pandas as pd

    needed = list(entry.columns)
    try:
        if entry.format == "csv":
            # Without a header: pandas renames the second of two columns of one name.
            head = pd.read_csv(entry.path, header=None, nrows=1, dtype=str, keep_default_na=False)
            present = [str(name) for name in head.iloc[0]]
        else:
            import pyarrow.parquet as pq

            present = pq.read_schema(entry.path).names
    except Exception:
        raise _unreadable(entry) from None
    doubled = doubled_names(present)
    if doubled:
        raise DatasetError("dataset-doubled", dataset=entry.name, names=doubled)
    missing = [column for column in needed if column not in present]
    if missing:
        if len(missing) == 1:
            raise DatasetError("dataset-column", dataset=entry.name, column=missing[0])
        raise DatasetError("dataset-columns", dataset=entry.name, columns=missing)
    try:
        if entry.format == "csv":
            texts = {c: str for c, kind in entry.columns.items() if kind != "number"}
            frame = pd.read_csv(entry.path, usecols=needed or None, dtype=texts)
        else:
            frame = pd.read_parquet(entry.path, columns=needed or None)
    except Exception:
        raise _unreadable(entry) from None
    frame = frame[needed] if needed else frame
    return frame.assign(
        **{
            column: _typed(entry, column, kind, frame[column])
            for column, kind in entry.columns.items()
        }
    )


def doubled_names(names: Sequence[str]) -> list[str]:
    """The `names` that another one equals but for case and surrounding white space."""
    plain = [
        unicodedata.normalize("NFKC", label.strip("\ufeff")).strip().casefold() for label in names
    ]
    times = Counter(plain)
    return [name for name, label in zip(names, plain, strict=True) if times[label] > 1]


def _typed(entry: DeclaredDataset, column: str, kind: str, series: Any) -> Any:
    import pandas as pd

    try:
        if kind in ("integer", "number"):
            numbers = pd.to_numeric(series)
            return numbers.astype("float64") if kind == "number" else _whole(numbers)
        if kind == "boolean":
            return _booleans(series)
        if kind == "date":
            return pd.to_datetime(series, format="ISO8601")
        words = [None if gone else str(v) for v, gone in zip(series, series.isna(), strict=True)]
        return pd.Series(words, index=series.index, name=column)
    except (ValueError, TypeError, OverflowError):
        raise DatasetError(
            "dataset-values", dataset=entry.name, column=column, declared=kind
        ) from None


def _whole(numbers: Any) -> Any:
    """int64 where nothing is missing, else float64, as pandas itself would have it.

    The nullable Int64 would be truer, but beside a float column it makes `to_numpy`
    give Python objects, on which linear algebra fails.
    """
    if numbers.isna().any():
        numbers = numbers.astype("float64")
    if numbers.dtype.kind == "f" and not (numbers.dropna() % 1 == 0).all():
        raise ValueError
    return numbers if numbers.isna().any() else numbers.astype("int64")


def _booleans(series: Any) -> Any:
    words = series.dropna().astype(str).str.strip().str.lower()
    if not words.isin(_TRUE | _FALSE).all():
        raise ValueError
    values = words.isin(_TRUE).reindex(series.index).astype("boolean")
    return values if series.isna().any() else values.astype(bool)


def _unreadable(entry: DeclaredDataset) -> DatasetError:
    return DatasetError(
        "dataset-unreadable", dataset=entry.name, path=entry.path, format=entry.format
    )
