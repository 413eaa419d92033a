"""Dates that others wrote: none of them breaks its reader."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import import_module
from inspect import getmembers, isclass
from pkgutil import walk_packages

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

import phtlab.governance
import phtlab.train
import phtlab.wire
from phtlab.train.documents.moment import Moment
from tests.raising import invalid

MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)
WRONG = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "1999-12-31T23:59:59Z")
READ = [
    (name, value)
    for package in (phtlab.governance, phtlab.train, phtlab.wire)
    for module in walk_packages(package.__path__, package.__name__ + ".")
    for name, value in getmembers(import_module(module.name), isclass)
    if issubclass(value, BaseModel) and value.__module__ == module.name
]
DATES = {
    f"{value.__module__}.{name}.{field}": TypeAdapter(info.rebuild_annotation())
    for name, value in READ
    for field, info in value.model_fields.items()
    if "AwareDatetime" in repr(info.annotation)
}


@pytest.mark.parametrize("written", WRONG)
def test_a_date_that_cannot_be_counted_with_is_refused(written: str) -> None:
    with invalid("value_error"):
        MOMENT.validate_python(written)


@pytest.mark.parametrize("written", ["2000-01-01T00:00:00+14:00", "9000-12-31T23:59:59-12:00"])
def test_a_date_within_them_stays_as_it_was_written(written: str) -> None:
    read = MOMENT.validate_python(written)
    assert MOMENT.dump_python(read, mode="json") == written
    assert read.astimezone(UTC) + timedelta(days=365)


def test_a_date_without_a_zone_is_none() -> None:
    with pytest.raises(ValidationError):
        MOMENT.validate_python("2026-11-25T12:00:00")


def test_every_date_of_what_is_signed_or_sent_is_such_a_one() -> None:
    assert "phtlab.governance.proposal.Proposal.issued" in DATES
    assert "phtlab.wire.api.governance.CommentView.at" in DATES
    for name, adapter in DATES.items():
        for written in WRONG:
            with pytest.raises(ValidationError):
                pytest.fail(f"{name} takes {adapter.validate_python(written)}")
