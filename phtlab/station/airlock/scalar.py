"""Scalars: one number, or one truth."""

from __future__ import annotations

import json

from phtlab.errors import AirlockError
from phtlab.station.airlock import strict_json

_MAX_BYTES = 4096


def parse_scalar(content: bytes) -> int | float | bool | None:
    """The scalar in `content`. Raises AirlockError for anything but a number, a truth or null."""
    document = strict_json.parse(content, limit=_MAX_BYTES, depth=1)
    if not isinstance(document, dict) or set(document) - {"type"} != {"value"}:
        raise AirlockError("The scalar may not leave: it is not one value.", code="scalar-form")
    value = document["value"]
    if value is not None and not isinstance(value, int | float):
        raise AirlockError(
            "The scalar may not leave: it is no number. Text leaves as categories of a table.",
            code="scalar-form",
        )
    return value


def count_of(value: int | float | bool | None) -> int:
    """The count that a scalar is declared to be. Raises AirlockError (``counts``) if it is none."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise AirlockError("The scalar is declared as a count and is none.", code="counts")
    return value


def scalar_file(value: int | float | bool | None) -> bytes:
    return json.dumps({"value": value}).encode() + b"\n"
