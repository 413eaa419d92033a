"""Numbers to so many significant digits: nobody reads the low ones, and they could carry others."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Final

INT64: Final = range(-(2**63), 2**63)
MOST_PEOPLE: Final = 2**53 - 1
"""Beyond it JSON has no exact whole numbers (RFC 8259, section 6), and nobody so many people."""


def rounded(value: Any, digits: int) -> Any:
    """`value`, if it is a number, to `digits` significant ones; an integer stays one of 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if isinstance(value, float):
        return float(Context(digits).create_decimal(Decimal(repr(value))))
    near = int(Context(digits, ROUND_HALF_EVEN).create_decimal(value))
    return near if near in INT64 else int(Context(digits, ROUND_DOWN).create_decimal(value))


def decimals(value: float) -> int:
    """How many decimals `value` has as it is written shortest: 2 for 0.25."""
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
