"""View of a held output: its content as it would leave, and why it was held. Pure."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from phtlab.station.policy.airlock_findings import Finding
from phtlab.station.release.votes import Vote
from phtlab.station.stops.file_contents import HeldFile, HeldOutput


@dataclass(frozen=True)
class TableView:
    """A table's columns and all of its rows; an empty cell is None."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...] = field(repr=False)


@dataclass(frozen=True)
class TensorView:
    """An array of a model.

    `least` and `greatest` are None for an empty array, and for a type that numpy lacks (BF16).
    """

    name: str
    type: str
    shape: tuple[int, ...]
    least: float | None
    greatest: float | None


@dataclass(frozen=True)
class OutputView:
    """A held output, with its `table`, `picture` (PNG), `value` or `tensors`, depending on kind.

    A figure also has the table that it is drawn from. A file has only names and sizes: nobody can
    check its bytes.
    """

    name: str
    kind: str
    rule: str
    sentence: str
    findings: tuple[Finding, ...]
    files: tuple[HeldFile, ...]
    words: tuple[Vote, ...]
    persons: int
    table: TableView | None = field(default=None, repr=False)
    picture: bytes | None = field(default=None, repr=False)
    value: Any = field(default=None, repr=False)
    tensors: tuple[TensorView, ...] = field(default=(), repr=False)


def view_of(
    output: HeldOutput,
    files: Mapping[str, bytes],
    findings: Sequence[Finding],
    words: Sequence[Vote],
    persons: int,
) -> OutputView:
    """Build the view of `output` from its `files` by name."""
    name, kind = output.name, output.verdict.kind
    view: dict[str, Any] = {}
    if (table := files.get(f"{name}.parquet")) is not None:
        view["table"] = _table(table)
    if (picture := files.get(f"{name}.png")) is not None:
        view["picture"] = picture
    if (scalar := files.get(f"{name}.json")) is not None and kind == "scalar":
        view["value"] = json.loads(scalar)["value"]
    if (model := files.get(f"{name}.safetensors")) is not None:
        view["tensors"] = _tensors(model)
    return OutputView(
        name=name,
        kind=kind,
        rule=output.verdict.rule,
        sentence=output.verdict.sentence,
        findings=tuple(findings),
        files=output.files,
        words=tuple(words),
        persons=persons,
        **view,
    )


def _table(content: bytes) -> TableView:
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(content))
    columns = [table.column(name).to_pylist() for name in table.column_names]
    return TableView(
        columns=tuple(table.column_names),
        types=tuple(str(field.type) for field in table.schema),
        rows=tuple(zip(*columns, strict=True)),
    )


def _tensors(content: bytes) -> tuple[TensorView, ...]:
    """Read the tensors by the header that `phtlab.station.airlock.formats.model` wrote."""
    length = int.from_bytes(content[:8], "little")
    header: dict[str, Any] = json.loads(content[8 : 8 + length])
    body = memoryview(content)[8 + length :]
    return tuple(_tensor(name, entry, body) for name, entry in sorted(header.items()))


def _tensor(name: str, entry: Mapping[str, Any], body: memoryview) -> TensorView:
    import numpy as np

    begin, end = entry["data_offsets"]
    least = greatest = None
    if begin < end and entry["dtype"] in _NUMPY:
        numbers = np.frombuffer(body[begin:end], dtype=_NUMPY[entry["dtype"]])
        least, greatest = float(numbers.min()), float(numbers.max())
    return TensorView(name, entry["dtype"], tuple(entry["shape"]), least, greatest)


_NUMPY: Mapping[str, str] = {
    "BOOL": "?",
    "U8": "u1",
    "I8": "i1",
    "I16": "<i2",
    "U16": "<u2",
    "F16": "<f2",
    "I32": "<i4",
    "U32": "<u4",
    "F32": "<f4",
    "I64": "<i8",
    "U64": "<u8",
    "F64": "<f8",
}
