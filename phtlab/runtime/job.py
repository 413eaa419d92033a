"""What the station hands into the sandbox: job.json, version 1, and the notebook."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from phtlab.runtime.errors import JobError

VERSION = 1
KINDS = ("table", "scalar", "figure", "model", "file")
RECEIVED_KINDS = ("model", "scalar")
FORMATS = ("csv", "parquet", "folder")


class DeclaredOutput(NamedTuple):
    """An output that the train declares. `counts` is a table's column of cell counts; `by`,
    `total` and `largest` are further columns that it says something of; `of` is a scalar's or a
    model's, `statistic` a scalar's, and `tensors` a model's; `where` says which people it counts,
    as column and label; `to` who gets it."""

    name: str
    kind: str
    counts: str | None
    by: tuple[str, ...] = ()
    total: str | None = None
    largest: tuple[str, ...] = ()
    of: bool = False
    statistic: str | None = None
    tensors: tuple[str, ...] = ()
    where: tuple[tuple[str, str], ...] = ()
    to: str = "researcher"


class DeclaredDataset(NamedTuple):
    """A data set that the station admits. `columns` maps column to declared type."""

    name: str
    path: str
    format: str
    columns: dict[str, str]


class ReceivedValue(NamedTuple):
    """A value that the train receives; `path` is None where nothing was handed on."""

    name: str
    kind: str
    path: str | None


class JobRounds(NamedTuple):
    """The cells that run again in each round, by the author's numbers, and the first round that
    this run computes: 1, or a later one if an earlier run of the same journey was lost. `combine`
    are the cells that run between rounds, and never here. A run that `aggregates` is that of an
    aggregator: `cells` are the combine cells, and no others run."""

    cells: frozenset[int]
    first: int
    combine: frozenset[int] = frozenset()
    aggregates: bool = False


class Job(NamedTuple):
    """One run. `seconds` is the soft limit, of each round too; `grace` the time that an interrupt
    is given. `rounds` is None if each cell runs once. `parameters` are the order's, which an
    aggregator's run binds; elsewhere the notebook has them."""

    kernel: str
    seconds: float
    grace: float
    datasets: dict[str, DeclaredDataset]
    outputs: dict[str, DeclaredOutput]
    received: dict[str, ReceivedValue]
    rounds: JobRounds | None = None
    parameters: Mapping[str, Any] = MappingProxyType({})


def read_job(path: str) -> Job:
    """The job at `path`.

    Raises:
        JobError: missing, not JSON, of another version, or with a field of a wrong type.
    """
    content = _read_json(path)
    if not isinstance(content, dict) or content.get("version") != VERSION:
        found = content.get("version") if isinstance(content, dict) else None
        raise JobError(
            f"{path} has version {found!r}, and this runtime reads version {VERSION}. "
            "Rebuild the kernel image with the phtlab version that the station runs."
        )
    seconds = content.get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
        raise JobError(f"{path}: 'seconds' must be a number above 0.")
    grace = content.get("grace", 2.0)
    if isinstance(grace, bool) or not isinstance(grace, int | float) or grace < 0:
        raise JobError(f"{path}: 'grace' must be a number of seconds.")
    return Job(
        kernel=_text(content, "kernel", path),
        seconds=float(seconds),
        grace=float(grace),
        datasets=datasets_of(content.get("datasets", {}), path),
        outputs=_outputs_of(content.get("outputs", []), path),
        received=_received_of(content.get("received", []), path),
        rounds=_rounds_of(content.get("rounds"), path),
        parameters=_parameters_of(content.get("parameters", {}), path),
    )


def datasets_of(content: object, path: str) -> dict[str, DeclaredDataset]:
    """The data sets declared in `content`, which was read from `path`.

    Raises:
        JobError: not of the shape {name: {"path", "format", "columns"}}.
    """
    if not isinstance(content, dict):
        raise JobError(f"{path}: 'datasets' must be an object of name to data set.")
    datasets = {}
    for name, entry in content.items():
        where = f"{path}: data set '{name}'"
        if not isinstance(entry, dict):
            raise JobError(f"{where} must be an object.")
        form = _text(entry, "format", where)
        if form not in FORMATS:
            raise JobError(f"{where} has format '{form}'; known are {', '.join(FORMATS)}.")
        columns = entry.get("columns") or {}
        if not isinstance(columns, dict) or not all(isinstance(t, str) for t in columns.values()):
            raise JobError(f"{where}: 'columns' must be an object of column to type.")
        datasets[name] = DeclaredDataset(name, _text(entry, "path", where), form, columns)
    return datasets


def read_notebook(path: str) -> dict[str, Any]:
    """The notebook at `path` (nbformat 4), unchanged.

    Raises:
        JobError: missing, not JSON, or not a notebook of format 4.
    """
    notebook = _read_json(path)
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4:
        raise JobError(f"{path} is not a notebook of format 4.")
    if not isinstance(cells, list) or not all(_is_cell(cell) for cell in cells):
        raise JobError(f"{path} has no list of cells with a source each.")
    return notebook


def source_of(cell: dict[str, Any]) -> str:
    """A cell's source as one string; notebooks may keep it as a list of lines."""
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def _is_cell(cell: object) -> bool:
    if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
        return False
    source = cell.get("source")
    if isinstance(source, list):
        return all(isinstance(line, str) for line in source)
    return isinstance(source, str)


def _rounds_of(content: object, path: str) -> JobRounds | None:
    if content is None:
        return None
    if not isinstance(content, dict):
        raise JobError(f"{path}: 'rounds' must be an object.")
    first = content.get("first", 1)
    cells, combine = (content.get(word, []) for word in ("cells", "combine"))
    lists = isinstance(cells, list) and isinstance(combine, list) and cells
    numbers = [first, *cells, *combine] if lists else []
    if not numbers or any(type(number) is not int or number < 1 for number in numbers):
        raise JobError(f"{path}: 'rounds' must name cells and the first round by their numbers.")
    if set(cells) & set(combine):
        raise JobError(f"{path}: 'rounds' names a cell both as 'cells' and as 'combine'.")
    aggregates = content.get("aggregates", False)
    if not isinstance(aggregates, bool):
        raise JobError(f"{path}: 'aggregates' of 'rounds' must be true or false.")
    return JobRounds(frozenset(cells), first, frozenset(combine), aggregates)


def _parameters_of(content: object, path: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise JobError(f"{path}: 'parameters' must be an object of name to value.")
    return content


def _received_of(content: object, path: str) -> dict[str, ReceivedValue]:
    if not isinstance(content, list):
        raise JobError(f"{path}: 'received' must be a list.")
    received = {}
    for entry in content:
        if not isinstance(entry, dict):
            raise JobError(f"{path}: each received value must be an object.")
        name, kind, file = _text(entry, "name", path), _text(entry, "kind", path), entry.get("path")
        if kind not in RECEIVED_KINDS or not (file is None or isinstance(file, str)):
            raise JobError(f"{path}: the received value '{name}' has an unknown kind or path.")
        received[name] = ReceivedValue(name, kind, file)
    return received


def _outputs_of(content: object, path: str) -> dict[str, DeclaredOutput]:
    if not isinstance(content, list):
        raise JobError(f"{path}: 'outputs' must be a list.")
    outputs = {}
    for entry in content:
        if not isinstance(entry, dict):
            raise JobError(f"{path}: each output must be an object.")
        name, kind = _text(entry, "name", path), _text(entry, "kind", path)
        counts = entry.get("counts")
        if kind not in KINDS or not (counts is None or isinstance(counts, str)):
            raise JobError(f"{path}: output '{name}' has an unknown kind or counts column.")
        by, largest, tensors = (entry.get(word, []) for word in ("by", "largest", "tensors"))
        total, statistic = entry.get("total"), entry.get("statistic")
        lists = all(isinstance(names, list) for names in (by, largest, tensors))
        where, to = entry.get("where", {}), entry.get("to", "researcher")
        texts = [*by, *largest, *tensors] if lists and isinstance(where, dict) else [None]
        if not all(isinstance(text, str) for text in texts) or not all(
            text is None or isinstance(text, str)
            for text in (total, statistic, to, *where.values())
        ):
            raise JobError(f"{path}: output '{name}' is not described in text.")
        outputs[name] = DeclaredOutput(
            name,
            kind,
            counts,
            tuple(by),
            total,
            tuple(largest),
            entry.get("of") is True,
            statistic,
            tuple(tensors),
            tuple(sorted(where.items())),
            to,
        )
    return outputs


def _text(content: dict[str, Any], field: str, where: str) -> str:
    value = content.get(field)
    if not isinstance(value, str) or not value:
        raise JobError(f"{where}: '{field}' must be a text.")
    return value


def _read_json(path: str) -> Any:
    try:
        with open(path, "rb") as file:  # noqa: PTH123  (pathlib costs the start 10 ms)
            return json.loads(file.read())
    except OSError as error:
        raise JobError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        raise JobError(f"{path} is not JSON.") from None
