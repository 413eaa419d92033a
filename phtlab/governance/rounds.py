"""Terms for rounds: how many, who combines, and what each round may publish. Pure.

A proposal asks for them and an approval allows them; an order names its own rounds within them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Self

from pydantic import Field, model_validator

from phtlab.strict_model import SignedModel
from phtlab.train.crypto.identity import MemberName
from phtlab.train.documents.manifest import (
    MAX_OUTPUTS,
    MAX_PATTERNS,
    DeclaredArray,
    Name,
    Output,
)
from phtlab.train.documents.order import MAX_ROUNDS, OrderedRounds

MAX_DIGITS: Final = 17
"""A double needs no more significant decimal digits to be written exactly."""


class RoundOutput(SignedModel):
    """An output that each round may publish, and its limits; what is None is not limited here.

    `arrays` are its arrays by name and shape (none named: as the train declares). `digits` is the
    most significant decimal digits of its numbers, `size` the most bytes of its file.
    """

    name: Name
    arrays: tuple[DeclaredArray, ...] = Field((), max_length=MAX_PATTERNS)
    digits: int | None = Field(None, ge=1, le=MAX_DIGITS)
    size: int | None = Field(None, ge=1)


class RoundTerms(SignedModel):
    """What is allowed of the rounds of one journey, its series.

    `most` is the largest number of rounds. `aggregator` runs the combine cells; None: the
    researcher's kernel does. `outputs` are those that each round may publish (none named: those
    that the train declares). `without_membership` is how many numbers, over the whole series, may
    leave although the airlock's rule ``membership`` would withhold them. `timing_bits` is how much
    the times of the answers may carry over the whole series, in bits; None leaves it to the
    station's policy.
    """

    most: int = Field(ge=1, le=MAX_ROUNDS)
    aggregator: MemberName | None = None
    outputs: tuple[RoundOutput, ...] = Field((), max_length=MAX_OUTPUTS)
    without_membership: int = Field(0, ge=0, lt=2**40)
    timing_bits: int | None = Field(None, ge=0, lt=2**40)

    @model_validator(mode="after")
    def _require_distinct(self) -> Self:
        for what, names in (
            ("output", [output.name for output in self.outputs]),
            *((f"array of {o.name}", [array.name for array in o.arrays]) for o in self.outputs),
        ):
            if len(set(names)) != len(names):
                raise ValueError(f"the same {what} twice")
        return self

    def sentence(self) -> str:
        """The terms as part of a sentence: ``in at most 20 rounds, combined by …``."""
        named = [output_text(output) for output in self.outputs]
        return ", ".join(
            [
                f"in at most {count(self.most, 'round')}",
                f"combined by {combined_by(self.aggregator)}",
                *([f"each publishing {'; '.join(named)}"] if named else []),
                *self._exceptions(),
            ]
        )

    def lines(self) -> tuple[str, ...]:
        """The terms as lines for people, one for each."""
        return (
            f"at most {count(self.most, 'round')}",
            f"combined by {combined_by(self.aggregator)}",
            *(f"each may publish {output_text(output)}" for output in self.outputs),
            *self._exceptions(),
        )

    def _exceptions(self) -> list[str]:
        found = []
        if self.without_membership:
            numbers = count(self.without_membership, "number")
            found.append(f"up to {numbers} of the series without the rule 'membership'")
        if self.timing_bits is not None:
            bits = count(self.timing_bits, "bit")
            found.append(f"at most {bits} in the times of the series' answers")
        return found


def terms_of_order(
    ordered: OrderedRounds, outputs: Iterable[Output], within: RoundTerms | None = None
) -> RoundTerms:
    """Return the terms that allow exactly the rounds of an order of a train with `outputs`.

    `within` are the proposal's terms, whose limits are kept.
    """
    own = {"most": ordered.most, "aggregator": ordered.aggregator}
    if within is not None:
        return within.model_copy(update=own)
    names = tuple(RoundOutput(name=output.name) for output in outputs)
    return RoundTerms.model_validate(own | {"outputs": names})


def why_not_rounds(ordered: OrderedRounds | None, terms: RoundTerms | None) -> str:
    """Return why `terms` do not allow the rounds of an order, as text; "" if they do.

    An order without rounds is always allowed.
    """
    if ordered is None:
        return ""
    if terms is None:
        return "it is for no rounds"
    if ordered.most > terms.most:
        most = count(terms.most, "round")
        return f"it is for at most {most}; the order has up to {ordered.most:,}"
    if ordered.aggregator != terms.aggregator:
        by = combined_by(ordered.aggregator)
        return f"it is for rounds combined by {combined_by(terms.aggregator)}, not by {by}"
    return ""


def combined_by(aggregator: str | None) -> str:
    """Return who combines, as text: that aggregator, or without one the researcher's kernel."""
    return f"the aggregator {aggregator}" if aggregator else "the researcher's kernel"


def output_text(output: RoundOutput) -> str:
    """Return the limits of an output as text: ``update (g: 3; h: 3 × 3; at most 6 digits)``."""
    limits = [
        f"{array.name}: " + (" × ".join(str(d or "any") for d in array.shape) or "one number")
        for array in output.arrays
    ]
    limits += [f"at most {output.digits} significant digits"] if output.digits else []
    limits += [f"at most {output.size:,} bytes"] if output.size else []
    return output.name + (f" ({'; '.join(limits)})" if limits else "")


def count(number: int, what: str) -> str:
    """Return ``1 round``, ``2,000 rounds``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
