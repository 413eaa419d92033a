"""Models: named arrays in the safetensors format, read without its library.

Source: the format's description in huggingface/safetensors (README, "Format"). The header is
rewritten without metadata. The numbers leave unchanged and are not read into memory: a model may be
larger than the station's memory.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import BinaryIO

from phtlab.errors import AirlockError
from phtlab.runtime.model import FITTED, NUMPY_TYPES, named_by
from phtlab.station.airlock.formats import strict_json
from phtlab.station.airlock.formats.content import FileContent

MAX_HEADER_BYTES = 2**20
MAX_TENSORS = 1_000
MAX_DIMENSIONS = 8
MAX_NAME = 128
MAX_COMPARED = 20_000
"""Most comparisons of a tensor's name with a declared name that has a ``*``."""
PEOPLE_PER_NUMBER = 5
"""Fewest people for each number of a stop's models, else a person decides.

A number for each person can hold a column of the data unchanged. With fewer numbers a model that is
fitted closely can still disclose values.
"""
BYTES_OF = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "I16": 2,
    "U16": 2,
    "F16": 2,
    "BF16": 2,
    "I32": 4,
    "U32": 4,
    "F32": 4,
    "I64": 8,
    "U64": 8,
    "F64": 8,
}
_NAME = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.\-/]{{0,{MAX_NAME - 1}}}")
_UNCLEAR = re.compile(r"[0-9*]\*|\*[0-9*]")
"""Patterns in which a number can end at several places: trying all of them has no bound in time."""


# Parameters of scikit-learn's estimators; a train need not declare them (`runtime/model.py`).
KNOWN_NAMES = frozenset(FITTED)


@dataclass(frozen=True)
class Tensor:
    """A tensor's type, as safetensors names it, its shape, and where its bytes lie in the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    size: int


@dataclass(frozen=True)
class Model:
    """A model as it may leave: its content, how many numbers it holds, and its tensors by name."""

    content: FileContent
    numbers: int
    tensors: Mapping[str, Tensor]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.tensors)


def read_model(file: BinaryIO) -> Model:
    """Return the model in `file` with a rewritten header; only the header is read.

    Raises AirlockError unless the tensors have plain names, are numeric, and fill the file to the
    last byte without gap or overlap. The error does not name the tensor: the run chooses the names.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size < 8:
        raise _refused("it is too short to be one")
    length = int.from_bytes(file.read(8), "little")
    if length > MAX_HEADER_BYTES or 8 + length > size:
        raise _refused("its header is larger than the file, or than a header may be")
    header = strict_json.parse(
        file.read(length), limit=MAX_HEADER_BYTES, depth=3, names=3 * MAX_TENSORS
    )
    if not isinstance(header, dict):
        raise _refused("its header is no table of tensors")
    header.pop("__metadata__", None)
    if not 1 <= len(header) <= MAX_TENSORS:
        raise _refused(f"it has no tensor, or more than {MAX_TENSORS}")
    body = size - 8 - length
    spans = sorted(_span(name, entry) for name, entry in header.items())
    end = 0
    for begin, finish in spans:
        if begin != end:
            raise _refused("its tensors overlap or leave a gap")
        end = finish
    if end != body:
        raise _refused("there is more in the file than its tensors")
    fresh = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    fresh += b" " * (-len(fresh) % 8)
    numbers = sum(prod(entry["shape"]) for entry in header.values())
    content = FileContent(len(fresh).to_bytes(8, "little") + fresh, file, 8 + length, body)
    tensors = {
        name: Tensor(
            entry["dtype"],
            tuple(entry["shape"]),
            8 + length + entry["data_offsets"][0],
            entry["data_offsets"][1] - entry["data_offsets"][0],
        )
        for name, entry in header.items()
    }
    return Model(content, numbers, tensors)


def require_readable(model: Model) -> None:
    """Raise AirlockError unless a run can read each array of `model`: NumPy knows its type."""
    if any(tensor.dtype not in NUMPY_TYPES for tensor in model.tensors.values()):
        raise AirlockError("It has an array of a type that a run cannot read.")


def require_declared(names: Sequence[str], patterns: Sequence[str]) -> None:
    """Raise AirlockError (``model-names``) unless each tensor's name is known or declared.

    The run chooses the names, and they leave with the numbers: hundreds of names can hold a data
    set.
    """
    plain = KNOWN_NAMES.union(patterns)
    wild = [pattern for pattern in patterns if "*" in pattern]
    others = [name for name in names if name not in plain]
    if len(others) * len(wild) > MAX_COMPARED or any(map(_UNCLEAR.search, wild)):
        raise AirlockError(
            "The model may not leave: the train declares too many names with *, or a * beside a "
            "digit or another *, and which names those are takes too long to say.",
            code="model-names",
        )
    declared = [named_by(pattern) for pattern in wild]
    if not all(any(pattern.fullmatch(name) for pattern in declared) for name in others):
        raise AirlockError(
            "The model may not leave: the train does not declare the names of all its tensors.",
            "Write tensors=[…] where it is published.",
            code="model-names",
        )


def _span(name: str, entry: object) -> tuple[int, int]:
    if not _NAME.fullmatch(name):
        raise _refused("the name of a tensor is no plain name")
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise _refused("a tensor of it is not described by type, shape and place")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if dtype not in BYTES_OF if isinstance(dtype, str) else True:
        raise _refused("a tensor of it is not numeric")
    if not _sizes(shape) or len(shape) > MAX_DIMENSIONS or not prod(shape):
        raise _refused("a tensor of it has no shape that is allowed, or is empty")
    if not _sizes(offsets) or len(offsets) != 2:
        raise _refused("a tensor of it has no place")
    begin, finish = offsets
    if finish - begin != prod(shape) * BYTES_OF[dtype]:
        raise _refused("a tensor of it is not as large as its shape")
    return begin, finish


def _sizes(value: object) -> bool:
    return isinstance(value, list) and all(type(v) is int and 0 <= v < 2**40 for v in value)


def _refused(why: str) -> AirlockError:
    return AirlockError(f"The model may not leave: {why}.", code="model-form")


def numbers_in(file: BinaryIO) -> int:
    """Return how many numbers a model holds, by the header that `read_model` wrote."""
    length = int.from_bytes(file.read(8), "little")
    header = json.loads(file.read(length))
    return sum(prod(entry["shape"]) for entry in header.values())
