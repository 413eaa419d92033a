"""Scalars: a number or a boolean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from phtlab.errors import AirlockError
from phtlab.station.airlock.formats import strict_json
from phtlab.station.airlock.formats.significant_digits import MOST_PEOPLE, decimals, rounded

MAX_BYTES = 4096
_ROUNDING = 1e-9


def parse_scalar(content: bytes) -> int | float | bool | None:
    """Return the scalar in `content`: a number, a boolean or null. Raises AirlockError."""
    value = document(content)["value"]
    if value is not None and not isinstance(value, int | float):
        raise AirlockError(
            "The scalar may not leave: it is no number.",
            "Text leaves as categories of a table.",
            code="scalar-form",
        )
    return value


def document(content: bytes) -> dict[str, Any]:
    """Parse what the run wrote for a scalar. Raises AirlockError (``scalar-form``)."""
    found = strict_json.parse(content, limit=MAX_BYTES, depth=1)
    if not isinstance(found, dict) or set(found) - {"type", "of"} != {"value"}:
        raise AirlockError("The scalar may not leave: it is not one value.", code="scalar-form")
    return found


def people_in(arguments: Mapping[str, Any]) -> int:
    """Return how many people an output declares to be about. Raises AirlockError (``counts``)."""
    people = arguments.get("of")
    if isinstance(people, bool) or not isinstance(people, int) or people < 0:
        raise AirlockError(
            "The output is declared with the number of people that it is of, and has none.",
            code="counts",
        )
    _require_people(people)
    return people


def share(value: int | float | bool | None, people: int) -> int | None:
    """Return how many of `people` the share `value` is; None if that is no whole number."""
    if value is None or isinstance(value, bool) or not 0 <= value <= 1 or not people:
        return None
    part = value * people
    return round(part) if abs(part - round(part)) <= _ROUNDING * people else None


def reveals_count(value: int | float | bool | None, people: int) -> bool:
    """Return whether `value`, as a share or a percentage, can disclose the number `people`."""
    if value is None or isinstance(value, bool):
        return False
    return any(share(value / scale, people) is not None for scale in (1, 100))


def may_reveal_few(value: int | float | bool | None, people: int, minimum: int) -> bool:
    """Return whether `value` can disclose something about few of `people`, or about all but few.

    As their number, or as a share or a percentage that is rounded to its last decimal.
    """
    if value is None or isinstance(value, bool) or not 0 < value <= max(people, 100):
        return False
    if float(value).is_integer():
        return _few(int(value), people, minimum)
    slack = 0.5 * 10.0 ** -decimals(float(value))
    for scale in (1, 100):
        part = value / scale * people
        if (
            value <= scale
            and abs(part - round(part)) <= slack / scale * people + _ROUNDING * people
        ):
            return _few(round(part), people, minimum)
    return False


def _few(part: int, people: int, minimum: int) -> bool:
    return 0 < part < minimum or 0 < people - part < minimum


def count_of(value: int | float | bool | None) -> int:
    """Return a scalar declared as a count. Raises AirlockError (``counts``) if it is no count."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise AirlockError("The scalar is declared as a count and is none.", code="counts")
    _require_people(value)
    return value


def _require_people(people: int) -> None:
    if people > MOST_PEOPLE:
        raise AirlockError(
            f"The output is of more than {MOST_PEOPLE} people, as nobody has.", code="counts"
        )


def exact_file(value: int | float | bool | None) -> bytes:
    """Return the scalar's file with all its digits, as a station hands it into a sandbox."""
    return json.dumps({"value": value}).encode() + b"\n"


def scalar_file(value: int | float | bool | None, digits: int) -> bytes:
    """Return the scalar's file as it leaves, rounded to `digits` significant digits."""
    return json.dumps({"value": rounded(value, digits)}).encode() + b"\n"
