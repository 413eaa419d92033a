"""Strict reader of ONNX models, without the ONNX library.

Source: onnx/onnx, `onnx.proto3` (ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto)
and the Protocol Buffers wire format. A model is a graph of operations with constants: it can hold
any numbers, and text in attributes and names. So the reader accepts only known fields, the standard
operators, plain names, and tensors of numbers inside the file. It refuses everything else, such as
a reference to a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import prod
from typing import Any, Final

from phtlab.errors import AirlockError

MAX_NODES: Final = 10_000
MAX_TENSORS: Final = 10_000
_PLAIN: Final = re.compile(rb"[A-Za-z0-9_.:/\-]{0,128}")
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

# Field numbers of onnx.proto3.
_MODEL_NAMES: Final = {2, 3, 4}
# TensorProto.DataType: the numeric types, with their size in bytes.
_TYPES: Final = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}
_STANDARD: Final = (b"", b"ai.onnx", b"ai.onnx.ml")


def numbers_in(content: bytes) -> tuple[int, int]:
    """Return how many numbers an ONNX model holds, and how many operations it has.

    Raises AirlockError (``model-form``) for anything but a plain model of standard operators.
    """
    graph = None
    for number, kind, value in _fields(content):
        if number == 7 and kind == _BYTES:
            if graph is not None:
                raise _refused("it has more than one graph")
            graph = value
        elif number in _MODEL_NAMES and kind == _BYTES:
            _require_plain(value)
        elif number == 8 and kind == _BYTES:
            _opset(value)
        elif not (number in (1, 5) and kind == _VARINT) and not (number == 6 and value == b""):
            # 6 is a description, 14 metadata, 20 training, 25 functions: text, or more code.
            raise _refused("it has parts beside its graph, such as descriptions or functions")
    if graph is None:
        raise _refused("it has no graph")
    return _graph(graph)


def _graph(content: bytes, depth: int = 0) -> tuple[int, int]:
    numbers = nodes = tensors = 0
    if depth > 2:
        raise _refused("its graphs are nested too deep")
    for number, kind, value in _fields(content):
        if kind != _BYTES:
            raise _refused("its graph is none")
        if number == 1:
            nodes += 1
            inner, more = _node(value, depth)
            numbers, nodes = numbers + inner, nodes + more
        elif number == 5:
            tensors += 1
            numbers += _tensor(value)
        elif number == 2:
            _require_plain(value)
        elif number in (11, 12, 13):
            _value_info(value)
        else:
            raise _refused("its graph has parts beside operations, constants and their types")
        if nodes > MAX_NODES or tensors > MAX_TENSORS:
            raise _refused(f"it has more than {MAX_NODES} operations or {MAX_TENSORS} constants")
    return numbers, nodes


def _node(content: bytes, depth: int) -> tuple[int, int]:
    numbers = nodes = 0
    for number, kind, value in _fields(content):
        if kind != _BYTES or number not in (1, 2, 3, 4, 5, 7):
            raise _refused("an operation of it has unknown parts, or a description")
        if number == 5:
            inner, more = _attribute(value, depth)
            numbers, nodes = numbers + inner, nodes + more
        elif number == 7 and value not in _STANDARD:
            raise _refused("an operation of it is none of the standard")
        else:
            _require_plain(value)
    return numbers, nodes


def _attribute(content: bytes, depth: int) -> tuple[int, int]:
    numbers = nodes = 0
    for number, kind, value in _fields(content):
        if number == 1 or (number in (4, 9) and kind == _BYTES):
            _require_plain(value)  # the attribute's name, and words such as "LINEAR"
        elif number == 20 or number in (2, 3):
            numbers += number != 20
        elif number in (7, 8):
            numbers += len(value) // 4 if kind == _BYTES else 1
        elif number == 5 and kind == _BYTES:
            numbers += _tensor(value)
        elif number == 6 and kind == _BYTES:
            inner, more = _graph(value, depth + 1)
            numbers, nodes = numbers + inner, nodes + more
        else:
            raise _refused("an operation of it has a setting of no known kind")
    return numbers, nodes


def _tensor(content: bytes) -> int:
    shape: list[int] = []
    kind_of_data, raw = 0, None
    typed = 0
    for number, kind, value in _fields(content):
        if number == 1:
            shape += [value] if kind == _VARINT else _varints(value)
        elif number == 2 and kind == _VARINT:
            kind_of_data = value
        elif number in (4, 5, 7, 10, 11):
            typed += len(value) if kind == _BYTES else 8
        elif number == 8 and kind == _BYTES:
            _require_plain(value)
        elif number == 9 and kind == _BYTES and raw is None:
            raw = value
        else:
            # 6 are strings, 13 and 14 a location in another file, 12 a description.
            raise _refused("a constant of it holds text, or lies in another file")
    if kind_of_data not in _TYPES or len(shape) > 8 or any(size < 0 for size in shape):
        raise _refused("a constant of it is not numeric")
    count = prod(shape)
    if raw is not None and (typed or len(raw) != count * _TYPES[kind_of_data]):
        raise _refused("a constant of it is not as large as its shape")
    if raw is None and typed > 10 * count:
        raise _refused("a constant of it is larger than its shape")
    return count


def _value_info(content: bytes) -> None:
    for number, kind, value in _fields(content):
        if number == 1 and kind == _BYTES:
            _require_plain(value)
        elif number == 2 and kind == _BYTES:
            _require_short(value)
        else:
            raise _refused("an input or output of it has a description")


def _opset(content: bytes) -> None:
    for number, kind, value in _fields(content):
        if not (number == 2 and kind == _VARINT) and not (number == 1 and value in _STANDARD):
            raise _refused("it needs operators beyond the standard")


def _fields(content: bytes) -> Iterator[tuple[int, int, Any]]:
    """Yield the fields of a message: number, wire type, and value (an int or bytes)."""
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(content, at)
            yield number, kind, value
            continue
        if kind == _BYTES:
            size, at = _varint(content, at)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise _refused("it is no ONNX file")
        if number == 0 or at + size > len(content):
            raise _refused("it is no ONNX file")
        yield number, kind, content[at : at + size]
        at += size


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 64, 7):
        if at >= len(content):
            break
        byte = content[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return (value - 2**64 if value >= 2**63 else value), at
    raise _refused("it is no ONNX file")


def _varints(content: bytes) -> list[int]:
    found, at = [], 0
    while at < len(content):
        value, at = _varint(content, at)
        found.append(value)
    return found


def _require_plain(value: object) -> None:
    if not isinstance(value, bytes) or not _PLAIN.fullmatch(value):
        raise _refused("a name in it is no plain name")


def _require_short(value: bytes) -> None:
    if len(value) > 1024:
        raise _refused("a type in it is too long to be one")


def _refused(why: str) -> AirlockError:
    return AirlockError(f"The ONNX model may not leave: {why}.", code="model-form")
