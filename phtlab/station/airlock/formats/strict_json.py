"""Strict parser of untrusted JSON, with limits on size, depth and numbers."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from phtlab.errors import AirlockError

MAX_DEPTH = 8
MAX_DIGITS = 20
MAX_FLOAT_CHARACTERS = 40
MAX_NAMES = 2_000
MAX_VALUES = 2_000_000
# Possessive, and accepts an unterminated string: linear for any input.
_TEXT = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\Z)', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")


def parse(content: bytes, *, limit: int, depth: int = MAX_DEPTH, names: int = MAX_NAMES) -> Any:
    """Parse `content` strictly by RFC 8259.

    Raises AirlockError (rule `json`) beyond `limit` bytes, `depth` levels, three times `names`
    names, lists and objects together, or two million values; for NaN and infinities, integers of
    more than 20 digits, duplicate names, or anything else that is not JSON in UTF-8.
    """
    if len(content) > limit:
        raise _refused(f"it is larger than {limit} bytes")
    _require_modest(content, depth, names)
    try:
        return json.loads(
            content.decode("utf-8"),
            parse_constant=_no_constant,
            parse_int=_integer,
            parse_float=_number,
            object_pairs_hook=_distinct,
        )
    except (ValueError, RecursionError):
        # The decoder's own message may quote the content.
        raise _refused("it is not JSON in UTF-8") from None


def _require_modest(content: bytes, depth: int, names: int) -> None:
    """Count the parts before decoding: a byte of JSON can become a hundred bytes of objects."""
    bare = _TEXT.sub(b"", content)
    if sum(map(bare.count, (b":", b"[", b"{"))) > 3 * names or bare.count(b",") > MAX_VALUES:
        raise _refused("it has more parts than any output has")
    level = 0
    for bracket in _BRACKET.finditer(bare):
        level += 1 if bracket[0] in b"[{" else -1
        if level > depth:
            raise _refused(f"it is nested deeper than {depth} levels")


def _no_constant(_: str) -> NoReturn:
    raise _refused("it holds NaN or an infinity; an empty cell is null")


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise _refused(f"it holds an integer of more than {MAX_DIGITS} digits")
    return int(text)


def _number(text: str) -> float:
    if len(text) > MAX_FLOAT_CHARACTERS or not math.isfinite(number := float(text)):
        raise _refused("it holds a number that no 64-bit float holds")
    return number


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _refused("it holds the same key twice")
    return found


def _refused(why: str) -> AirlockError:
    return AirlockError(f"The output cannot be read: {why}.", code="json")
