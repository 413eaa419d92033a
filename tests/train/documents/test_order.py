"""The order as a value, and what its cargo is bound to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from phtlab.errors import SignatureError
from phtlab.train.documents.order import Order, cargo_context
from tests.raising import raises_code


def test_two_orders_of_the_same_journey_are_two_journeys(documents: Any, people: Any) -> None:
    one, two = documents.order(), documents.order()
    assert one.digest != two.digest


def test_order_lives_for_a_week_in_whole_seconds(documents: Any) -> None:
    order = documents.order_value()
    assert order.expires - order.issued == timedelta(days=7)
    assert order.issued.microsecond == 0


def test_cargo_is_bound_to_journey_station_stop_and_roster(documents: Any) -> None:
    order = documents.order_value()
    journey = order.sign(documents.people["mara"]).digest
    contexts = {
        cargo_context(journey, order, "cleveland"),
        cargo_context(journey, order, "zurich"),
        cargo_context("sha256:" + "e" * 64, order, "cleveland"),
        cargo_context(journey, order.model_copy(update={"roster_version": 5}), "cleveland"),
        cargo_context(journey, order.model_copy(update={"train": "sha256:" + "e" * 64}), "zurich"),
        cargo_context(journey, order.model_copy(update={"stations": ("x", "zurich")}), "zurich"),
    }
    assert len(contexts) == 5  # the last one is at the same stop as the second


@pytest.mark.parametrize(
    "change",
    [
        {"stations": ()},
        {"recipients": ()},
        {"recipients": ("mara",) * 65},
        {"stations": ("../cleveland",)},
        {"train": "latest"},
        {"nonce": "1"},
        {"roster_version": 0},
        {"issued": datetime(2026, 1, 1)},
        {"route": "scenic"},
        {"priority": 1},
    ],
    ids=repr,
)
def test_order_of_another_form_refused(documents: Any, change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        documents.order_value(**change)


@pytest.mark.parametrize("value", [float("nan"), 2**60])
def test_parameter_that_has_no_exact_form_is_not_signed(documents: Any, value: Any) -> None:
    with raises_code(SignatureError, "not-canonical"):
        documents.order(parameters={"x": value})


def test_number_that_python_reads_in_another_type_is_the_same_order(documents: Any) -> None:
    from phtlab.train.documents.envelope import peek

    envelope = documents.order(parameters={"x": 1e20, "y": 2.0})
    assert Order.model_validate(peek(envelope).predicate).parameters == {"x": 1e20, "y": 2}
