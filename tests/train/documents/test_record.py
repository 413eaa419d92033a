"""The stop record as a value: what it can say, and what it cannot."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from phtlab.train.documents.envelope import peek
from phtlab.train.documents.record import FINAL_STATES, CellError, OutputVerdict, StopRecord


def test_record_is_about_its_cargo_or_else_its_journey(documents: Any) -> None:
    order = documents.order_value()
    journey = order.sign(documents.people["mara"]).digest
    departed = peek(documents.record(journey, order)).subject[0]
    failed = peek(documents.record(journey, order, outcome="failed", code="x", cargos=()))
    assert (departed.name, departed.sha256) == ("cargo", "sha256:" + "c" * 64)
    assert (failed.subject[0].name, failed.subject[0].sha256) == ("journey", journey)


def test_every_outcome_is_a_final_state() -> None:
    assert {"departed", "refused", "failed", "cancelled"} == FINAL_STATES


@pytest.mark.parametrize(
    "kind", ["", "Value Error", "ValueError: patient 7", "a" * 129, "x\n", "1Error", "<b>"]
)
def test_error_leaves_as_a_class_name_only(kind: str) -> None:
    CellError(type="pandas.errors.ParserError", cell=3, line=1)
    with pytest.raises(ValidationError):
        CellError(type=kind)


def test_output_has_a_name_that_is_no_path() -> None:
    with pytest.raises(ValidationError):
        OutputVerdict(name="../counts", kind="table", verdict="released")


def test_record_has_no_other_fields(documents: Any) -> None:
    order = documents.order_value()
    record = peek(documents.record("sha256:" + "a" * 64, order)).predicate
    with pytest.raises(ValidationError):
        StopRecord.model_validate({**record, "log": "patient 7"})
