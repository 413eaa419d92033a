"""Values that another station handed on: hostile input, checked before the sandbox sees it."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from phtlab.errors import AirlockError
from phtlab.runtime.model import NUMPY_TYPES, named_by
from phtlab.station.airlock.formats import model, scalar
from phtlab.station.airlock.formats.content import Content, Joined, opened
from phtlab.station.airlock.formats.model import Tensor
from phtlab.train.documents.manifest import DeclaredArray, Output, Received

_BLOCK_BYTES: Final = 2**20


def received_file(output: Output) -> str:
    """Return the name of the file that holds the received value of `output`."""
    return f"{output.name}.{'safetensors' if output.kind == 'model' else 'json'}"


def keep_received(output: Output, received: Received, path: Path, target: BinaryIO) -> None:
    """Write the value of `output` that was handed on to `target`, if it is as declared.

    `path` holds it as it came. A model's header is written anew. Raises AirlockError for a value of
    another form, type, size, name, shape, or beyond its bounds.
    """
    with path.open("rb") as file:
        content = checked_value(output, received, file, path.stat().st_size)
        shutil.copyfileobj(Joined([content]), target, _BLOCK_BYTES)


def require_as_received(output: Output, received: Received, content: Content) -> None:
    """Raise AirlockError unless the next station of the route would accept `content`."""
    checked_value(output, received, opened(content), len(content))


def checked_value(output: Output, received: Received, file: BinaryIO, size: int) -> Content:
    """Return the content of a handed-on value's `file` of `size` bytes, written anew.

    Raises AirlockError unless it is as `output` and `received` declare. The station that hands it
    on checks this, and the next one again.
    """
    if received.size is not None and size > received.size:
        raise AirlockError("It is larger than is declared.")
    if output.kind == "scalar":
        value = scalar.parse_scalar(file.read(scalar.MAX_BYTES + 1))
        _require_scalar(value, received)
        return scalar.exact_file(value)
    found = model.read_model(file)
    model.require_declared(found.names, output.tensors)
    model.require_readable(found)
    if received.arrays:
        for name, arrays in _declared_arrays(found.names, received.arrays).items():
            for array in arrays:
                _require_shape(found.tensors[name], array)
    for tensor in found.tensors.values():
        _require_numbers(tensor, received, file)
    return found.content


def _declared_arrays(
    names: Sequence[str], declared: Sequence[DeclaredArray]
) -> dict[str, list[DeclaredArray]]:
    """Return what is declared of each array: at least something, and nothing without an array."""
    # It refuses patterns for which it takes too long to say which names they stand for.
    model.require_declared(names, [array.name for array in declared])
    patterns = [(array, named_by(array.name)) for array in declared if "*" in array.name]
    plain: dict[str, list[DeclaredArray]] = {}
    for array in declared:
        plain.setdefault(array.name, []).append(array)
    found = {
        name: plain.get(name, [])
        + [array for array, pattern in patterns if pattern.fullmatch(name)]
        for name in names
    }
    if not all(found.values()):
        raise AirlockError("It has an array that is not declared.")
    if {array.name for arrays in found.values() for array in arrays} != set(plain):
        raise AirlockError("It lacks an array that is declared.")
    return found


def _require_shape(tensor: Tensor, array: DeclaredArray) -> None:
    fits = len(tensor.shape) == len(array.shape) and all(
        expected in (None, length)
        for expected, length in zip(array.shape, tensor.shape, strict=True)
    )
    if not fits:
        raise AirlockError("It has an array of another shape than is declared.")


def _require_numbers(tensor: Tensor, received: Received, file: BinaryIO) -> None:
    """Require that all numbers of `tensor` are within the declared bounds; reads them once."""
    bounds = _bounds(received)
    if bounds is None:
        return
    dtype = np.dtype(f"<{NUMPY_TYPES[tensor.dtype]}")
    lowest, highest = (_as_stored(bound, dtype) for bound in bounds)
    file.seek(tensor.start)
    remaining = tensor.size
    while remaining:
        block = file.read(min(_BLOCK_BYTES, remaining))
        remaining -= len(block)
        numbers = np.frombuffer(block, dtype).astype(np.float64)
        if not ((numbers >= lowest) & (numbers <= highest)).all():  # NaN is in no bounds
            raise AirlockError("It has a number beyond the bounds that are declared.")


def _as_stored(bound: float, dtype: np.dtype[np.generic]) -> float:
    """Return `bound` as an array of `dtype` holds it, or as it is where that would be infinite.

    A number that a train keeps within 0.1 is not beyond it for being stored in 32 bits.
    """
    if dtype.kind != "f":
        return bound
    with np.errstate(over="ignore"):
        stored = float(np.float64(bound).astype(dtype))
    return stored if math.isfinite(stored) else bound


def _require_scalar(value: float | bool | None, received: Received) -> None:
    bounds = _bounds(received)
    if bounds is not None and (value is None or not bounds[0] <= value <= bounds[1]):
        raise AirlockError("It is beyond the bounds that are declared.")


def _bounds(received: Received) -> tuple[float, float] | None:
    """Return the bounds of all numbers; None if none is declared."""
    if received.lowest is None and received.highest is None:
        return None
    lowest = -math.inf if received.lowest is None else received.lowest
    return lowest, math.inf if received.highest is None else received.highest
