"""`publish`: the one way in which something may leave a station cell.

In the sandbox it writes plain files for the airlock to read: JSON, PNG, safetensors,
bytes; an index comes last, so that an output is there whole or not at all. On an
analyst's machine it keeps the output in memory, and shows it.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from phtlab.runtime.errors import PublishError
from phtlab.runtime.publish_arguments import (
    Kind,
    Target,
    check_columns,
    check_people,
    check_statistic,
    check_target,
    check_tensors,
    check_where,
    check_words,
)
from phtlab.runtime.rounds.local_rounds import local_rounds, shell, this_run
from phtlab.runtime.table import INT64


@dataclass(frozen=True)
class Published:
    """An output as it was published. `content` holds each file's suffix and bytes,
    `value` what was given."""

    name: str
    kind: Kind
    counts: str | None
    content: dict[str, bytes]
    value: Any
    by: tuple[str, ...] = ()
    total: str | None = None
    largest: tuple[str, ...] = ()
    of: bool = False
    statistic: str | None = None
    tensors: tuple[str, ...] = ()
    where: tuple[tuple[str, str], ...] = ()
    people: int | None = None
    to: Target = "researcher"

    @property
    def declaration(self) -> tuple[object, ...]:
        """All that the train's manifest says of it."""
        return (
            self.kind,
            self.counts,
            self.by,
            self.total,
            self.largest,
            self.of,
            self.statistic,
            self.tensors,
            self.where,
            self.to,
        )

    @property
    def files(self) -> list[str]:
        """The names of the output's files, beside its index."""
        return [f"{self.name}{suffix}" for suffix in self.content]

    def index(self) -> bytes:
        """The output's index, `<name>.json`."""
        content: dict[str, object] = {
            "name": self.name,
            "kind": self.kind,
            "counts": self.counts,
            "files": self.files,
        }
        if self.kind == "model" and self.people is not None:
            content["of"] = self.people
        return json.dumps(content, sort_keys=True).encode()


_kept: dict[str, Published] = {}
_kept_in: dict[str, object] = {}


def publish(
    name: str,
    value: Any,
    kind: Kind = "table",
    counts: str | None = None,
    by: str | Sequence[str] | None = None,
    total: str | None = None,
    largest: str | Sequence[str] | None = None,
    of: int | None = None,
    statistic: Literal["max", "min", "quantile"] | None = None,
    tensors: str | Sequence[str] | None = None,
    where: Mapping[str, str | int | bool] | None = None,
    to: Target = "researcher",
) -> None:
    """Publish `value` as the output `name` of this train.

    Args:
        name: lower-case letters, digits and underscores, written out in the cell, so
            that the train's manifest knows it before anything runs.
        value: for `table` a DataFrame, Series or dict of columns; for `scalar` a bool,
            int or float; for `figure` a matplotlib figure; for `model` a dict of
            numeric arrays or a fitted linear estimator of scikit-learn; for `file` a path
            or bytes.
        kind: table, scalar, figure, model or file.
        counts: the column that says how many persons are behind each row of a table, or
            each point of a figure (`y` for a histogram). For a scalar that is itself a
            count, any text, such as its own name. Stations hold back small counts.
        by: of a table with counts, the columns that say which persons a row is about; without
            it, those of text, truths and dates.
        total: of a table with counts, a column that sums up what each person contributes (a
            cost), which a few persons must not dominate.
        largest: beside `total`, the columns with the largest contributions of one person, largest
            first, two at least. Stations check them, and they do not leave.
        of: of a scalar that is a share or a mean, or of a model, how many persons it is of.
            Stations hold back what is of few, shares of few or of almost all of them, and models
            of more numbers than persons.
        statistic: of a scalar, whether it is the largest or the smallest value of all, or a
            quantile: such a value is one person's, and stations ask a person.
        tensors: of a model that is a dict of arrays, the names of the arrays; ``*`` in a name
            stands for a whole number below 1,000, as in ``layer*.weight``. Those of a fitted
            estimator are known.
        where: of what counts persons, which ones if not all of the data set: a label for each
            column, as in ``{"sex": "female"}``. Stations then know what else it goes with.
        to: of a model or a scalar, ``"next"`` hands it on to the next station of the route, where
            `receive` returns it; ``"both"`` also sends it to the researcher. What the last station
            hands on goes to the researcher.

    Raises:
        PublishError: the value does not fit the kind, the output was not declared, or it
            was published already.
        OSError: the output volume is full.
    """
    check_words(name, kind, counts)
    columns = check_columns(name, kind, counts, by, total, largest)
    people = check_people(name, kind, counts, of)
    patterns = check_tensors(name, kind, tensors)
    check_statistic(name, kind, counts, statistic)
    cell = check_where(name, counts, where)
    check_target(name, kind, to)
    content = _content(name, value, kind, counts)
    if people is not None and kind == "scalar":
        scalar = json.loads(content[".scalar.json"]) | {"of": people}
        content = {".scalar.json": json.dumps(scalar).encode()}
    output = Published(
        name,
        kind,
        counts,
        content,
        value,
        *columns,
        of is not None,
        statistic,
        patterns,
        cell,
        people,
        to,
    )
    _check_columns(output)
    if kind == "model":
        _check_tensors(output)
    if os.environ.get("PHTLAB_JOB"):
        _write(output, _declared(os.environ["PHTLAB_JOB"]))
    else:
        _keep(output)


def published() -> dict[str, Published]:
    """What this process published, by name, when it is not in a sandbox."""
    return dict(_kept)


def _check_tensors(output: Published) -> None:
    """An array's name leaves with it: it is one that the train declares, or known."""
    from phtlab.runtime.model import FITTED, is_named_by, tensor_names

    for array in tensor_names(output.content[".safetensors"]):
        if array not in FITTED and not any(is_named_by(tensor, array) for tensor in output.tensors):
            raise PublishError("output-tensor", output=output.name, array=array)


def _check_columns(output: Published) -> None:
    if not (output.by or output.total):
        return
    types = {c["name"]: c["type"] for c in json.loads(output.content[".table.json"])["columns"]}
    for column in (*output.by, *filter(None, [output.total]), *output.largest):
        if column not in types:
            raise PublishError("output-column", output=output.name, key=column)
    for column in (*filter(None, [output.total]), *output.largest):
        if types[column] not in ("integer", "number"):
            raise PublishError("output-numbers", output=output.name, key=column)


def _content(name: str, value: Any, kind: Kind, counts: str | None) -> dict[str, bytes]:
    if kind == "table":
        from phtlab.runtime.table import columns_of, encode_table

        return {".table.json": encode_table(columns_of(name, value, counts))}
    if kind == "scalar":
        return {".scalar.json": _scalar(name, value, counts)}
    if kind == "figure":
        from phtlab.runtime.figure import figure_of, figure_table, picture

        figure = figure_of(name, value)
        data = figure_table(name, figure, counts)
        return {".png": picture(figure), ".data.json": data}
    if kind == "model":
        from phtlab.runtime.model import encode_tensors, tensors_of

        return {".safetensors": encode_tensors(tensors_of(name, value))}
    return {".bin": _file(name, value)}


def _scalar(name: str, value: Any, counts: str | None) -> bytes:
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", None) == 0:
        value = item()
    if isinstance(value, bool):
        kind = "boolean"
    elif isinstance(value, int):
        kind = "integer"
        if value not in INT64:
            raise PublishError("scalar-integer", output=name)
    elif isinstance(value, float):
        kind = "number"
        if math.isinf(value):
            raise PublishError("scalar-infinite", output=name)
        value = None if math.isnan(value) else value
    else:
        raise PublishError("scalar-type", output=name, type=type(value).__name__)
    if counts is not None and (kind != "integer" or value < 0):
        raise PublishError("scalar-count", output=name)
    return json.dumps({"type": kind, "value": value}).encode()


def _file(name: str, value: Any) -> bytes:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if not isinstance(value, str | os.PathLike):
        raise PublishError("file-type", output=name, type=type(value).__name__)
    path = Path(value)
    if not path.is_file():
        raise PublishError("file-missing", output=name, path=path)
    return path.read_bytes()


def _declared(job_path: str) -> dict[str, tuple[object, ...]]:
    from phtlab.runtime.job import read_job

    return {name: tuple(output[1:]) for name, output in read_job(job_path).outputs.items()}


def _write(output: Published, declared: dict[str, tuple[object, ...]]) -> None:
    from phtlab.runtime.record import write_atomic

    if output.name not in declared:
        known = ", ".join(sorted(declared)) or "none"
        raise PublishError("output-undeclared", key=output.name, declared=known)
    kind, counts, *columns = declared[output.name]
    if (output.kind, output.counts) == (kind, counts) and output.declaration[2:] != tuple(columns):
        raise PublishError("output-arguments", output=output.name)
    if (output.kind, output.counts) != (kind, counts):
        raise PublishError(
            "output-declaration",
            output=output.name,
            declared_kind=kind,
            declared_counts=counts,
            kind=output.kind,
            counts=output.counts,
        )
    folder = _folder()
    os.makedirs(folder, mode=0o755, exist_ok=True)  # noqa: PTH103
    index = f"{output.name}.json"
    if os.path.lexists(f"{folder}/{index}"):
        raise PublishError("output-twice", output=output.name)
    written = []
    try:
        for file, content in zip(output.files, output.content.values(), strict=True):
            write_atomic(folder, file, content)
            written.append(file)
        write_atomic(folder, index, output.index())
    except OSError:
        for file in written:
            with contextlib.suppress(OSError):
                os.unlink(f"{folder}/{file}")  # noqa: PTH108
        raise


def _folder() -> str:
    """Where the run leaves its outputs: each round has a folder of its own."""
    from phtlab.runtime.rounds.folders import current_round, round_folder

    folder = os.environ.get("PHTLAB_OUT", "/phtlab/out")
    number = current_round()
    return f"{folder if number is None else round_folder(folder, number)}/outputs"


def _keep(output: Published) -> None:
    """Keep it. Running a cell again replaces what it published; twice in one run does not."""
    rounds, notebook, place = local_rounds(), shell(), this_run()
    if rounds.at_station():
        _kept_in.clear()  # each round publishes each output once
    again = output.name in _kept_in
    if again and (notebook is None or _kept_in[output.name] == place):
        raise PublishError("output-twice", output=output.name)
    _kept[output.name], _kept_in[output.name] = output, place
    if output.kind in ("model", "scalar"):
        rounds.published[output.name] = output
    if notebook is not None:
        _show(output)


def combined_value(output: Published) -> Any:
    """Return what combine cells get of `output`: a model's arrays by name, or a scalar."""
    if output.kind == "model":
        from phtlab.runtime.model import decode_tensors

        return decode_tensors(output.content[".safetensors"])
    from phtlab.runtime.rounds.receiving import read_scalar

    return read_scalar(output.content[".scalar.json"])


def _show(output: Published) -> None:
    """A line on what would leave, and a table's rows. A figure the notebook shows itself."""
    from IPython.display import display

    size = sum(map(len, output.content.values()))
    what = f"= {output.value}" if output.kind == "scalar" else f"({output.kind}, {size:,} bytes)"
    what += {"next": ", for the next station", "both": ", also for the next station"}.get(
        output.to, ""
    )
    text = {
        "text/plain": f"published {output.name} {what}",
        "text/markdown": f"published **{output.name}** {what}",
    }
    display(text, raw=True)
    if output.kind == "table":
        import pandas as pd

        display(pd.DataFrame(output.value))
