"""Terms for rounds and resources: what they allow, what they refuse, and how people read them."""

from __future__ import annotations

from typing import Any

import pytest

from phtlab.governance.resources import needed_resources, resources_lines, why_not_resources
from phtlab.governance.rounds import (
    DeclaredArray,
    RoundOutput,
    RoundTerms,
    terms_of_order,
    why_not_rounds,
)
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.manifest import Output, Resources
from phtlab.train.documents.order import OrderedRounds
from tests.raising import invalid

KEY = Identity.generate("journey").public
UPDATE = RoundOutput(
    name="update",
    arrays=(DeclaredArray(name="g", shape=(3,)), DeclaredArray(name="h", shape=(3, None))),
    digits=6,
    size=4096,
)


def _ordered(most: int, aggregator: str | None = None) -> OrderedRounds:
    return OrderedRounds(
        most=most,
        aggregator=aggregator,
        key=None if aggregator else KEY,
        quorum=1,
        deadline=60,
    )


@pytest.mark.parametrize(
    ("ordered", "terms", "allowed"),
    [
        (None, None, True),
        (None, RoundTerms(most=5), True),
        (_ordered(1), None, False),
        (_ordered(5), RoundTerms(most=5), True),
        (_ordered(6), RoundTerms(most=5), False),
        (_ordered(5, "adder"), RoundTerms(most=5, aggregator="adder"), True),
        (_ordered(5, "adder"), RoundTerms(most=5, aggregator="other"), False),
        (_ordered(5, "adder"), RoundTerms(most=5), False),
        (_ordered(5), RoundTerms(most=5, aggregator="adder"), False),
    ],
)
def test_an_order_s_rounds_keep_to_the_terms(
    ordered: OrderedRounds | None, terms: RoundTerms | None, allowed: bool
) -> None:
    assert (why_not_rounds(ordered, terms) == "") is allowed


def test_terms_of_an_order_are_its_own_within_the_proposal_s() -> None:
    outputs = (Output(name="update", kind="model"),)
    own = terms_of_order(_ordered(5), outputs)
    assert own == RoundTerms(most=5, outputs=(RoundOutput(name="update"),))
    proposed = RoundTerms(most=200, outputs=(UPDATE,), without_membership=30, timing_bits=8)
    within = terms_of_order(_ordered(5), outputs, proposed)
    assert within == proposed.model_copy(update={"most": 5})


@pytest.mark.parametrize(
    ("field", "value"),
    [("most", 0), ("most", 10_001), ("without_membership", -1), ("timing_bits", -1)],
)
def test_terms_have_bounds(field: str, value: int) -> None:
    RoundTerms(most=10_000)
    kinds = {0: "greater_than_equal", -1: "greater_than_equal", 10_001: "less_than_equal"}
    with invalid(kinds[value], field):
        RoundTerms.model_validate({"most": 1} | {field: value})


def test_terms_name_no_output_and_no_array_twice() -> None:
    twice: list[dict[str, Any]] = [
        {"outputs": (UPDATE, UPDATE)},
        {"outputs": (RoundOutput(name="a", arrays=(DeclaredArray(name="g"),) * 2),)},
    ]
    for changes in twice:
        with invalid("value_error"):
            RoundTerms.model_validate({"most": 1} | changes)


def test_every_term_is_read_before_it_is_signed() -> None:
    terms = RoundTerms(
        most=1, aggregator="adder", outputs=(UPDATE,), without_membership=9, timing_bits=1
    )
    assert set(RoundTerms.model_fields) == {
        *("most", "aggregator", "outputs", "without_membership", "timing_bits"),
    }
    assert terms.lines() == (
        "at most 1 round",
        "combined by the aggregator adder",
        "each may publish update (g: 3; h: 3 × any; at most 6 significant digits; at most 4,096 "
        "bytes)",
        "up to 9 numbers of the series without the rule 'membership'",
        "at most 1 bit in the times of the series' answers",
    )
    for line in terms.lines():
        assert line.removeprefix("each may publish ") in terms.sentence()


def test_a_run_needs_what_its_order_or_else_its_train_declares() -> None:
    assert needed_resources(None, None) is None
    declared = Resources(memory=4_000, seconds=60)
    assert needed_resources(declared, None) == declared
    needed = needed_resources(declared, Resources(memory=1_000, gpus=0))
    assert needed == Resources(memory=1_000, seconds=60, gpus=0)


@pytest.mark.parametrize(
    ("needed", "most", "allowed"),
    [
        (None, None, True),
        (None, Resources(memory=1), True),
        (Resources(memory=2), None, True),
        (Resources(memory=2), Resources(seconds=1), True),
        (Resources(memory=2), Resources(memory=2), True),
        (Resources(memory=3), Resources(memory=2), False),
        (Resources(scratch=3), Resources(scratch=2), False),
        (Resources(cores=1.5), Resources(cores=1), False),
        (Resources(gpus=1), Resources(gpus=0), False),
        (Resources(seconds=61), Resources(seconds=60), False),
    ],
)
def test_resources_stay_within_the_most(
    needed: Resources | None, most: Resources | None, allowed: bool
) -> None:
    assert (why_not_resources(needed, most) == "") is allowed


def test_every_limit_of_resources_is_read() -> None:
    most = Resources(memory=2_000, scratch=1, cores=1.5, gpus=0, seconds=60)
    assert len(resources_lines(most)) == len(Resources.model_fields)
    assert "at most 2,000 bytes of memory" in resources_lines(most)
    assert resources_lines(None) == resources_lines(Resources()) == ()
