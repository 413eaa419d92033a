"""How much a run can say at most, in bits, by what leaves a station that asks nobody.

An upper bound for code that does nothing else than to carry data out: what it says is for whoever
approves a train. Nothing here says that a run says so much.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2

from phtlab.station.airlock.draft import BYTES_OF_NUMBER
from phtlab.station.airlock.error import KNOWN
from phtlab.station.policy import Policy

_BITS = 8
_EXPONENT = 11
"""Bits of a double's exponent."""
_MESSAGE = 32
"""`error_message.py`: one of fewer than 2**32 sentences."""
_CELLS, _LINES, _CODES = 1_000, 10_000, 64
"""So many cells, lines of one, and codes of how a run ended, generously."""


@dataclass(frozen=True)
class Capacity:
    """`bits` at most by `what`, and what keeps it there."""

    what: str
    bits: int
    bounded_by: str


def bits_of_number(digits: int) -> int:
    """Of a number with so many significant digits, its sign and its exponent."""
    return ceil(log2(10**digits)) + 1 + _EXPONENT


def capacities(policy: Policy) -> tuple[Capacity, ...]:
    """What the outputs of one journey can say without a person, and how it ran."""
    rules, limits = policy.airlock, policy.limits
    number = bits_of_number(rules.significant_digits)
    most = rules.max_numbers * BYTES_OF_NUMBER * _BITS
    cells = min(rules.max_rows * rules.max_columns, rules.max_numbers)
    points = min(rules.max_points * rules.max_columns, rules.max_numbers)
    pixels = ceil(rules.max_pixels * log2(rules.max_colors))
    model = min(rules.large_model - 1, rules.max_numbers) * BYTES_OF_NUMBER * _BITS
    table = "`max_rows`, `max_columns`, `max_numbers`, `significant_digits`; it says what counts"
    error = ceil(log2(len(KNOWN)) + log2(_CELLS) + log2(_LINES)) + _MESSAGE
    return (
        Capacity("a table", min(cells * number, most), table),
        Capacity(
            "a scalar", number, "`significant_digits`; it says what it counts, or of how many"
        ),
        Capacity(
            "a figure's data",
            min(points * number, most),
            "`max_points`, `max_columns`, `max_numbers`, `significant_digits`; it says what counts",
        ),
        Capacity(
            "a figure's pixels", min(pixels, most), "`max_pixels`, `max_colors`, `max_numbers`"
        ),
        Capacity("a model", model, "`large_model`, and no more numbers than people it is of"),
        Capacity("a file", 0, "`airlock.files.unchecked`: a person looks at it"),
        Capacity("all outputs of a stop", most, "`max_numbers`, with names, labels and pictures"),
        Capacity(
            "all stops of a month, of a researcher and a data set",
            policy.month.size * _BITS,
            "`month.size`, `month.rows`",
        ),
        *_of_the_run(policy, error, limits.seconds),
    )


def _of_the_run(policy: Policy, error: int, seconds: int) -> tuple[Capacity, ...]:
    if policy.progress == "none":
        progress = Capacity("progress", 0, '`progress = "none"`')
    else:
        progress = Capacity(
            "progress",
            ceil(log2(seconds + 1)) * min(_CELLS, seconds),
            '`progress = "cells"`: the second at which each cell ends',
        )
    return (
        progress,
        Capacity("how long it ran", ceil(log2(seconds + 1)), "whole seconds, `limits.seconds`"),
        Capacity("how it ended", ceil(log2(_CODES)), "one of the codes of docs/outcomes.md"),
        Capacity(
            "an error", error, "a known class, a cell and a line of the train, a known sentence"
        ),
        Capacity(
            "rows that stayed, of an output",
            ceil(log2(policy.airlock.max_rows + 1)),
            "how many there are; not which",
        ),
    )


def bits_of_run(policy: Policy) -> int:
    """What a journey's progress, duration and end can say, whatever leaves with it."""
    return sum(
        one.bits
        for one in capacities(policy)
        if one.what in ("progress", "how long it ran", "how it ended", "an error")
    )
