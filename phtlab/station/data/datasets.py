"""The data sets of a station: where each is stored, and its declaration."""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from pydantic import ValidationError

from phtlab.errors import DataSetError
from phtlab.files.durable_file import write_durably
from phtlab.runtime.datasets import doubled_names
from phtlab.station.data.arrow_types import ARROW_TYPES
from phtlab.station.data.schema import DataSetSchema, Format
from phtlab.station.data.twin import make_twin
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import toml_value
from phtlab.train.canonical import digest
from phtlab.validation_summary import validation_summaries
from phtlab.wire.api.journeys import DataSetDescription

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_ROUNDED_TO = 50  # rows


@dataclass(frozen=True)
class DataSet:
    """A data set: `path` is the file, or the folder, that a run reads."""

    name: str
    path: Path
    format: Format
    schema: DataSetSchema

    def require(self) -> None:
        """Raise DataSetError (`data-set-missing`) if the file or folder does not exist."""
        if not (self.path.is_dir() if self.format == "folder" else self.path.is_file()):
            raise DataSetError(
                f"The data set '{self.name}' is declared, but {self.path} is not there.",
                f"Put it back, or declare it again with 'phtlab station dataset add {self.name} "
                "PATH'.",
                code="data-set-missing",
            )


def load_datasets(folder: StationFolder) -> dict[str, DataSet]:
    """Load all declared data sets by name. Raises DataSetError naming the file that is wrong."""
    found = {}
    for path in sorted(folder.datasets.glob("*.toml")):
        found[path.stem] = _load(path)
    return found


def add_dataset(folder: StationFolder, name: str, path: Path | None, schema: bytes) -> DataSet:
    """Declare `name`: check the file against `schema` (TOML) and keep both.

    Without `path` the synthetic twin takes the place of the data, as on a twin station.

    Raises DataSetError for a name, a declaration or a file that is invalid.
    """
    if not _NAME.fullmatch(name):
        raise DataSetError(
            f"'{name}' cannot name a data set: use lower-case letters, digits and underscores, "
            "beginning with a letter."
        )
    declared = _parse(schema, "the schema")
    if "path" in declared:
        raise DataSetError("The schema says 'path'; the path is given on the command line.")
    place = (path or folder.twins / f"{name}.csv").absolute()
    dataset = _dataset(name, {**declared, "path": str(place)}, "the schema")
    if path is not None:
        dataset.require()
        check_file(dataset)
    head = {"path": str(dataset.path)}
    if "format" not in declared:
        head["format"] = dataset.format
    lines = "".join(f"{key} = {toml_value(value)}\n" for key, value in head.items())
    write_durably(folder.datasets / f"{name}.toml", lines.encode() + schema)
    write_durably(folder.twins / f"{name}.csv", make_twin(dataset.schema), 0o644)
    return dataset


def remove_dataset(folder: StationFolder, name: str) -> None:
    """Remove the declaration and the twin; the data stay. Raises DataSetError if there is none."""
    path = folder.datasets / f"{name}.toml"
    if not path.exists() or not _NAME.fullmatch(name):
        raise DataSetError(
            f"There is no data set '{name}' here.", "'phtlab station dataset list' shows which are."
        )
    path.unlink()
    (folder.twins / f"{name}.csv").unlink(missing_ok=True)


def twin_file(folder: StationFolder, name: str) -> Path:
    """Return the path of the twin of the data set `name`."""
    return folder.twins / f"{name}.csv"


def check_twin(folder: StationFolder, dataset: DataSet) -> None:
    """Raise DataSetError (`twin-missing`) unless the twin exists as the schema makes it."""
    path = twin_file(folder, dataset.name)
    if not path.exists():
        what = f"The twin of '{dataset.name}' is missing: {path} is not there"
    elif path.read_bytes() != make_twin(dataset.schema):
        what = f"{path} is not the twin that the schema of '{dataset.name}' makes"
    else:
        return
    raise DataSetError(
        f"{what}.", f"Make it anew: phtlab station dataset twin {dataset.name}", code="twin-missing"
    )


def twin_of(folder: StationFolder, dataset: DataSet) -> DataSet:
    """Return the twin in place of `dataset`, written anew if it differs from the schema's twin."""
    path = twin_file(folder, dataset.name)
    content = make_twin(dataset.schema)
    if not path.exists() or path.read_bytes() != content:
        write_durably(path, content, 0o644)
    return DataSet(dataset.name, path, "csv", dataset.schema)


def describe(dataset: DataSet, twin: DataSet) -> DataSetDescription:
    """Return what the station publishes of `dataset`: the number of rows only if so declared."""
    rows = count_rows(dataset) if dataset.schema.publish_rows else None
    made = digest(twin.path.read_bytes()) if dataset.schema.columns else None
    return dataset.schema.described(dataset.name, rows, made)


def people_known(dataset: DataSet) -> tuple[int, int] | None:
    """Return how many rows `dataset` has as far as published, at least and at most."""
    rows = count_rows(dataset) if dataset.schema.publish_rows else None
    return dataset.schema.rows_at_least_and_at_most(rows)


def people_at_most(datasets: Mapping[str, DataSet], names: Sequence[str]) -> int | None:
    """Return how many people the data sets `names` have together at most, or None if unknown.

    For a single data set with a published number of rows, the published maximum. Otherwise the rows
    are counted and rounded up, so that a decision by this number discloses no more than a station
    publishes. Unknown for a folder, an undeclared data set, and without names.
    """
    found = 0
    for name in names:
        dataset = datasets.get(name)
        if dataset is None:
            return None
        if len(names) == 1 and (known := people_known(dataset)) is not None:
            return known[1]
        rows = count_rows(dataset)
        if rows is None:
            return None
        found += -(-rows // _ROUNDED_TO) * _ROUNDED_TO
    return found if names else None


def count_rows(dataset: DataSet) -> int | None:
    """Return how many rows the file has; None for a folder or a missing file."""
    if dataset.format == "folder" or not dataset.path.is_file():
        return None
    status = dataset.path.stat()
    identity = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    return _count_rows(dataset.path, dataset.format == "parquet", identity)


@lru_cache(maxsize=64)
def _count_rows(path: Path, parquet: bool, identity: tuple[int, ...]) -> int:
    """Count rows once for each state of a file: rounds ask again and again."""
    if parquet:
        return int(pyarrow.parquet.read_metadata(path).num_rows)
    with pyarrow.csv.open_csv(path) as batches:
        return sum(int(batch.num_rows) for batch in batches)


def check_file(dataset: DataSet) -> None:
    """Raise DataSetError if the file's columns or cells are not as declared; names no value."""
    check_columns(dataset)
    if dataset.format == "csv":
        _check_cells(dataset, dataset.schema.column_types())


def check_columns(dataset: DataSet) -> None:
    """Raise DataSetError if the file's columns are not those declared; reads only their names.

    A column that is not declared is refused, and so are columns of the same name: a run reads the
    whole file.
    """
    if dataset.format == "folder":
        return
    try:
        found = _columns(dataset)
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError):
        raise DataSetError(
            f"{dataset.path} cannot be read as {dataset.format}.",
            "Check the file, or say which format it has with 'format' in the schema.",
        ) from None
    if doubled := doubled_names(found):
        raise DataSetError(
            f"{dataset.path} has columns of the same name: {', '.join(map(repr, doubled))}. Names "
            "that differ only by case or surrounding spaces count as the same, as programs rename "
            "or mix up such columns.",
            "Give each a name of its own, or take all but one out of the file.",
        )
    declared = dataset.schema.column_types()
    if missing := [name for name in declared if name not in found]:
        raise DataSetError(
            f"{dataset.path} lacks the declared column(s) {', '.join(missing)}.",
            "Mend the schema or the file.",
        )
    if extra := [name for name in found if name not in declared]:
        raise DataSetError(
            f"{dataset.path} has the undeclared column(s) {', '.join(map(repr, extra))}.",
            "A run would see them: declare them in the schema, or take them out of the file.",
        )


def readable_in_sandbox(path: Path) -> bool:
    """Return whether user 65532 of the sandbox can read `path`, by its mode for others."""
    mode = stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0)
    return path.stat().st_mode & mode == mode


def _columns(dataset: DataSet) -> list[str]:
    if dataset.format == "parquet":
        return list(pyarrow.parquet.read_schema(dataset.path).names)
    with pyarrow.csv.open_csv(dataset.path) as reader:
        return list(reader.schema.names)


def _check_cells(dataset: DataSet, declared: Mapping[str, str]) -> None:
    for name, kind in declared.items():
        options = pyarrow.csv.ConvertOptions(
            column_types={name: ARROW_TYPES[kind]}, include_columns=[name]
        )
        try:
            with pyarrow.csv.open_csv(dataset.path, convert_options=options) as batches:
                for _ in batches:
                    pass
        except pa.ArrowInvalid:
            # Arrow's message quotes the cell.
            raise DataSetError(
                f"In {dataset.path} the column '{name}' is declared as {kind}, and a cell of it "
                "is something else.",
                "Mend the schema or the file.",
            ) from None


def _load(path: Path) -> DataSet:
    return _dataset(path.stem, dict(_parse(path.read_bytes(), str(path))), str(path))


@lru_cache(maxsize=64)  # rounds ask again and again
def _parse(content: bytes, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataSetError(f"Of a data set, {where} is not valid TOML: {error}.") from None


def _dataset(name: str, values: dict[str, Any], where: str) -> DataSet:
    path = values.pop("path", None)
    if not isinstance(path, str):
        raise DataSetError(f"Of the data set '{name}', {where} names no 'path'.")
    try:
        schema = DataSetSchema.model_validate(values)
    except ValidationError as error:
        at, why = validation_summaries(error)[0]
        raise DataSetError(
            f"The declaration of '{name}' ({where}) is wrong at {at}: {why}.",
            "See docs/station.md for its form.",
        ) from None
    found = schema.format or _guess(Path(path), name)
    # Declared or guessed, the format is part of the declaration, and so of its digest.
    return DataSet(name, Path(path), found, schema.model_copy(update={"format": found}))


def _guess(path: Path, name: str) -> Format:
    if path.is_dir():
        return "folder"
    ending = path.suffix.removeprefix(".").lower()
    if ending in get_args(Format):
        return ending  # type: ignore[return-value]
    raise DataSetError(
        f"The format of '{name}' does not follow from {path.name}.",
        'Say format = "csv", "parquet" or "folder" in the schema.',
    )
