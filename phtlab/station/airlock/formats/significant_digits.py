"""Rounding to significant digits: nobody needs the low digits, and they could carry other data."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Final

INT64: Final = range(-(2**63), 2**63)
MOST_PEOPLE: Final = 2**53 - 1
"""The largest exact whole number of JSON (RFC 8259, section 6); no data set has so many people."""


def rounded(value: Any, digits: int) -> Any:
    """Round a number to `digits` significant digits; an integer stays within 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if isinstance(value, float):
        return float(Context(digits).create_decimal(Decimal(repr(value))))
    near = int(Context(digits, ROUND_HALF_EVEN).create_decimal(value))
    return near if near in INT64 else int(Context(digits, ROUND_DOWN).create_decimal(value))


def decimals(value: float) -> int:
    """Return how many decimals the shortest form of `value` has: 2 for 0.25."""
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
