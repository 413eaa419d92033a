"""What a station published in a round, opened: hostile input, read within bounds.

A station may be hostile, or broken: its record is verified, and what it sealed is not trusted.
"""

from __future__ import annotations

import io
import json
import math
import tempfile
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, Final

from phtlab.errors import SealFormatError
from phtlab.files.cargo_archive import unpack
from phtlab.runtime.model import NUMPY_TYPES, decode_tensors
from phtlab.train.crypto.age import HybridIdentity
from phtlab.train.documents.manifest import Output
from phtlab.train.documents.order import Order
from phtlab.train.documents.round import RoundRecord, round_context
from phtlab.train.sealing import open_sealed

MAX_HEADER: Final = 2**20
MAX_ARRAYS: Final = 1_000
MAX_DIMENSIONS: Final = 8
MAX_SCALAR: Final = 64 * 1024
COMBINED: Final = ("model", "scalar")
"""The kinds of outputs that combine cells get: numbers."""


def open_update(
    sealed: bytes,
    record: RoundRecord,
    *,
    journey: str,
    order: Order,
    identity: HybridIdentity,
    outputs: tuple[Output, ...],
) -> dict[str, Any]:
    """Return the models and scalars in the update `sealed`, which the verified `record` names.

    A model is a dict of arrays by name, a scalar a number or a truth. `outputs` are the manifest's.
    Raises SealError for what does not open, is bound to another round, or is not what the train
    declares (``output-form``).
    """
    station = record.station
    context = round_context(journey, order, "update", record.number, station)
    with tempfile.TemporaryDirectory(prefix="phtlab-update-") as temporary:
        folder = Path(temporary)
        archive = folder / "update.tar"
        with archive.open("wb") as target:
            open_sealed(io.BytesIO(sealed), target, identity, context, len(order.readers))
        contents = folder / "contents"
        contents.mkdir()
        present = unpack(archive, contents, outputs)
        archive.unlink()
        return {
            name: _value(contents, output, station)
            for name, output in present.items()
            if output.kind in COMBINED
        }


def _value(folder: Path, output: Output, station: str) -> Any:
    if output.kind == "scalar":
        return _scalar((folder / f"{output.name}.json"), output.name, station)
    return read_arrays((folder / f"{output.name}.safetensors").read_bytes(), output.name, station)


def read_arrays(content: bytes, name: str, station: str) -> dict[str, Any]:
    """Return the arrays of the safetensors file `content`, by name.

    Raises SealFormatError (``output-form``) unless its arrays fill it to the last byte without gap
    or overlap: a small file cannot become much memory.
    """
    try:
        _require_form(content)
        return decode_tensors(content)
    except (ValueError, LookupError, TypeError, RecursionError, OverflowError):
        raise _malformed(name, station, "a model") from None


def _require_form(content: bytes) -> None:
    """Raise ValueError, LookupError or TypeError unless the header describes the whole file."""
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > min(MAX_HEADER, len(content) - 8):
        raise ValueError
    header = json.loads(content[8 : 8 + length])
    if not isinstance(header, dict) or not 1 <= len(header) <= MAX_ARRAYS:
        raise ValueError
    spans = []
    for entry in header.values():
        shape, (begin, end) = entry["shape"], entry["data_offsets"]
        whole = all(type(size) is int and size >= 0 for size in (*shape, begin, end))
        if not whole or len(shape) > MAX_DIMENSIONS:
            raise ValueError
        if end - begin != prod(shape) * int(NUMPY_TYPES[entry["dtype"]][1:]):
            raise ValueError
        spans.append((begin, end))
    expected = 0
    for begin, end in sorted(spans):
        if begin != expected:
            raise ValueError
        expected = end
    if expected != len(content) - 8 - length:
        raise ValueError


def _scalar(path: Path, name: str, station: str) -> Any:
    try:
        with path.open("rb") as file:
            content: Mapping[str, Any] = json.loads(file.read(MAX_SCALAR))
        value = content["value"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise _malformed(name, station, "a single value") from None
    if value is None:
        return math.nan
    if not isinstance(value, bool | int | float):
        raise _malformed(name, station, "a single value")
    return value


def _malformed(name: str, station: str, expected: str) -> SealFormatError:
    return SealFormatError(
        f"'{name}' of {station} is not {expected}. It is what the station sealed: it runs another "
        "version, or is broken or hostile.",
        "Ask its operator.",
        code="output-form",
    )
