"""Canonical JSON, its strict parser, and digests of bytes.

Canonical JSON is RFC 8785 (JCS). Digests are written as OCI writes them:
``sha256:`` and 64 lower-case hexadecimal characters.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any

import rfc8785
from pydantic import StringConstraints

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]

MAX_DEPTH = 64
_EXACT = 2**53 - 1
_FINITE_DIGITS = 400


def canonical(value: Any) -> bytes:
    """Return `value` as RFC 8785 canonical JSON.

    Raises ValueError for what JSON cannot hold exactly: NaN, infinities, whole
    numbers beyond ±(2^53 - 1), text that is not Unicode, other types, and
    nesting deeper than MAX_DEPTH.
    """
    _refuse_deep(value)
    try:
        return rfc8785.dumps(value)
    except rfc8785.IntegerDomainError:
        raise ValueError(
            "a whole number beyond ±9007199254740991 has no exact form in JSON; "
            "give it as text or as a float"
        ) from None
    except rfc8785.FloatDomainError:
        raise ValueError("NaN and infinity have no form in JSON; leave the value out") from None
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise ValueError(f"this value has no form in JSON: {error}") from None


def parse_json(content: bytes) -> Any:
    """Parse JSON that all readers understand alike (I-JSON, RFC 7493).

    Raises ValueError for a duplicate key, NaN, infinities, anything that is not
    UTF-8, and nesting deeper than MAX_DEPTH.
    """
    try:
        value = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_distinct,
            parse_constant=_refuse_constant,
            parse_int=_number,
            parse_float=_finite,
        )
    except RecursionError:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels") from None
    _refuse_deep(value)
    return value


def parse_canonical(content: bytes) -> Any:
    """Parse canonical JSON. Raises ValueError unless `content` is what `canonical` writes."""
    value = parse_json(content)
    if canonical(value) != content:
        raise ValueError("this JSON is not in canonical form (RFC 8785)")
    return value


def digest(content: bytes) -> str:
    """Return the OCI digest of `content`."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _refuse_deep(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        deeper: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                deeper.extend(item.values())
            elif isinstance(item, (list, tuple)):
                deeper.extend(item)
        if not deeper:
            return
        level = deeper
    raise ValueError(f"nested deeper than {MAX_DEPTH} levels")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key is given twice in one object")
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _number(text: str) -> int | float:
    """Parse a whole number, a large one as a float: RFC 8785 writes 1e20 as a whole number."""
    if len(text) > _FINITE_DIGITS:
        raise ValueError("a number is too long")
    value = int(text)
    return value if abs(value) <= _EXACT else _finite(text)


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return value
