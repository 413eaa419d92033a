"""Upper bounds, in bits, of what a run can disclose without a person's decision.

The bounds assume code that does nothing but carry data out. They inform whoever approves a train;
they do not claim that a run discloses so much.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2

from phtlab.station.airlock.errors.error import KNOWN
from phtlab.station.airlock.formats.model import KNOWN_NAMES, MAX_NAME, MAX_TENSORS
from phtlab.station.airlock.marked_output import BYTES_OF_NUMBER
from phtlab.station.policy.policy import Policy
from phtlab.station.policy.release_rules import OF_STRUCTURE
from phtlab.train.documents.manifest import MAX_OUTPUTS, MAX_PATTERNS

_BITS = 8
_EXPONENT = 11
"""Bits of a double's exponent."""
_MESSAGE = 32
"""`error_sentence.py`: one of fewer than 2**32 sentences."""
_CELLS, _LINES, _CODES = 1_000, 10_000, 64
"""Generous upper bounds: cells, lines of a cell, and codes for how a run ended."""
VERDICTS = 2**16
"""Generous upper bound of an output's verdicts, rules and sentences: all are constants."""
_OF_A_TENSOR = 64
"""Bits of a tensor's type, shape and offset: `check_outputs.py` counts them as a number."""
_TICKS = 1_000
"""Moments of a second that central can tell apart when it receives a run's report."""
_RULES = 16
"""Generous upper bound of the rules about counts."""


@dataclass(frozen=True)
class Capacity:
    """At most `bits` through `what`; `bounded_by` names the settings that bound it."""

    what: str
    bits: int
    bounded_by: str


def bits_of_number(digits: int) -> int:
    """Bits of a number with so many significant digits, its sign and its exponent."""
    return ceil(log2(10**digits)) + 1 + _EXPONENT


def capacities(policy: Policy) -> tuple[Capacity, ...]:
    """Bounds for a journey's outputs that leave without a person's decision, and for how it ran."""
    rules, limits = policy.airlock, policy.limits
    number = bits_of_number(rules.significant_digits)
    most = rules.max_numbers * BYTES_OF_NUMBER * _BITS
    cells = min(rules.max_rows * rules.max_columns, rules.max_numbers)
    points = min(rules.max_points * rules.max_columns, rules.max_numbers)
    pixels = ceil(rules.max_pixels * log2(rules.max_colors))
    model = min(rules.large_model - 1, rules.max_numbers) * BYTES_OF_NUMBER * _BITS
    # Digits in place of each *, and the choice among the declared and known names.
    name = ceil(MAX_NAME * log2(10) + log2(MAX_PATTERNS + len(KNOWN_NAMES)))
    tensors = min(MAX_TENSORS, rules.large_model - 1)
    named = min(tensors * (name + _OF_A_TENSOR), most)
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
        Capacity("a model", model, "`large_model`, and five people for each number"),
        Capacity(
            "a model's names",
            named,
            f"at most {tensors:,} arrays, whose names the train declares but for numbers in place "
            "of a `*`; counted in `max_numbers`",
        ),
        Capacity("a file", 0, "`airlock.files.unchecked`: a person looks at it"),
        Capacity("all outputs of a stop", most, "`max_numbers`, with names, labels and pictures"),
        Capacity(
            "all stops of a month, of a researcher and a data set",
            policy.month.size * _BITS,
            "`month.size`, `month.rows`",
        ),
        *_of_the_run(policy, error, limits.seconds),
    )


def _bits_of_reason(policy: Policy) -> int:
    """Bits of the reason for a held output; that the output is held is reported in any case."""
    reasons = {"none": 1, "general": len(OF_STRUCTURE) + 1, "rule": len(OF_STRUCTURE) + _RULES}
    return ceil(log2(reasons[policy.release.reasons] + 1))


def _of_the_run(policy: Policy, error: int, seconds: int) -> tuple[Capacity, ...]:
    moments = ceil(log2(seconds * _TICKS + 1))
    if policy.progress == "none":
        progress = Capacity("progress", 0, '`progress = "none"`')
    else:
        progress = Capacity(
            "progress",
            moments * _CELLS,
            '`progress = "cells"`: the millisecond at which central hears of each cell',
        )
    return (
        progress,
        Capacity(
            "how long it ran",
            moments,
            "`limits.seconds`; whole ones in the record, milliseconds for central",
        ),
        Capacity("how it ended", ceil(log2(_CODES)), "one of the codes of docs/outcomes.md"),
        Capacity(
            "an error", error, "a known class, a cell and a line of the train, a known sentence"
        ),
        Capacity(
            "the verdict of an output",
            bits_of_verdict(policy),
            "which rule, in a sentence without values; and how many rows stayed, not which",
        ),
        Capacity(
            "why it is held, of an output",
            _bits_of_reason(policy),
            "`release.reasons`: one of so many reasons, before a person has looked",
        ),
    )


def bits_of_verdict(policy: Policy) -> int:
    """Bits that the stop record can disclose by one output's verdict, released or not."""
    return ceil(log2(VERDICTS) + log2(policy.airlock.max_rows + 1))


def capacities_of_run(policy: Policy) -> tuple[Capacity, ...]:
    """Bounds for a journey's progress, duration and end, which are reported whatever leaves."""
    of_it = ("progress", "how long it ran", "how it ended", "an error")
    return tuple(capacity for capacity in capacities(policy) if capacity.what in of_it)


def bits_of_run(policy: Policy, outputs: int = MAX_OUTPUTS) -> int:
    """Bits that a stop record can disclose, with verdicts of so many `outputs`, whatever leaves.

    The record reports how the run went and how it ended, and has verdicts for a failed run too.
    """
    of_run = sum(capacity.bits for capacity in capacities_of_run(policy))
    return of_run + outputs * bits_of_verdict(policy)


def capacity_sentence(policy: Policy) -> str:
    """Describe `bits_of_run` and its parts in a sentence, for whoever approves a train."""
    parts = ", ".join(
        f"{capacity.what} {capacity.bits:,}" for capacity in capacities_of_run(policy)
    )
    return (
        f"Each run can disclose at most {bits_of_run(policy, outputs=0):,} bits, whatever leaves "
        f"with it ({parts}), and {bits_of_verdict(policy)} bits by the verdict of each output; "
        "docs/reference/capacity.md has what outputs can hold."
    )
