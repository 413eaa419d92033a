"""Versions follow each other without a gap, and what changed is told in words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from phtlab.errors import ProposalError
from phtlab.governance import open_proposal, require_successor
from phtlab.governance.difference import differences, parameter_text, proposal_lines
from phtlab.governance.proposal import new_id
from phtlab.notebook.parameters import ParameterSchema
from tests.governance import documents
from tests.governance.conftest import Keys
from tests.raising import invalid, raises_code


def test_a_first_version_has_none_before_it() -> None:
    require_successor(documents.proposal(), None, None)
    for changes in ({"version": 2}, {"previous": documents.IMAGE}):
        with raises_code(ProposalError, "proposal-version"):
            require_successor(documents.proposal(**changes), None, None)


def test_a_version_names_exactly_the_one_before(keys: Keys) -> None:
    first = documents.proposal()
    signed = first.sign(keys["ada"])
    second = documents.successor(first, signed)
    require_successor(second, first, signed.digest)
    # One was swapped after an approval of it, one was put in between, or is of another proposal.
    swapped = first.model_copy(update={"journeys": 999}).sign(keys["ada"])
    for changes in (
        {"version": 3},
        {"version": 1},
        {"previous": swapped.digest},
        {"previous": None},
        {"id": new_id()},
        {"researcher": "bob"},
    ):
        with pytest.raises(ProposalError) as refused:
            require_successor(second.model_copy(update=changes), first, signed.digest)
        assert refused.value.code == "proposal-version"


def test_a_proposal_that_ended_before_it_began_is_refused(keys: Keys) -> None:
    backwards = documents.proposal(until=documents.now() - timedelta(days=1))
    with pytest.raises(ProposalError) as refused:
        open_proposal(backwards.sign(keys["ada"]), keys.roster)
    assert refused.value.code == "proposal-time"


def test_bounds_that_are_no_schema_and_stations_named_twice_are_refused() -> None:
    with invalid("value_error", "parameters"):
        documents.proposal(parameters={"type": "object"})
    with invalid("value_error", "stations"):
        documents.proposal(stations=("ulm", "ulm"))


def test_differences_tell_what_is_asked_for_more_and_less(keys: Keys) -> None:
    older = documents.proposal(question="Does it?\nAnd how?\n")
    newer = documents.successor(
        older,
        older.sign(keys["ada"]),
        question="Does it?\nSince when?\n",
        stations=("mainz",),
        datasets=({"name": "heart"},),
        risk="high",
        reasons=("'fit' is a model.",),
    )
    assert [
        (part.heading, [f"{line.mark}{line.text}" for line in part.lines])
        for part in differences(older, newer)
    ] == [
        ("Question", [" Does it?", "-And how?", "+Since when?"]),
        ("Data sets", ["-heart: age, disease", "+heart: all columns"]),
        ("Stations", ["-ulm", " mainz"]),
        ("Risk", ["-low", "+high", "+'fit' is a model."]),
    ]
    assert differences(older, older) == ()


def test_everything_that_a_proposal_asks_for_is_told() -> None:
    """A field that a later release adds must not be changed without showing."""
    silent = {"id", "version", "previous", "researcher", "issued", "reasons"}
    shown = {
        *("title", "question", "legal_ground", "datasets", "stations", "images", "notebooks"),
        *("parameters", "journeys", "handed_on", "rounds", "resources", "until", "risk"),
    }
    proposal = documents.proposal()
    assert set(type(proposal).model_fields) == silent | shown
    assert len(proposal_lines(proposal)) == len(shown)


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"type": "integer", "minimum": 1}, "x: whole number, 1 to any"),
        ({"type": "string", "enum": ["a", "b"], "default": "a"}, "x: one of a, b, default a"),
        ({"type": "string", "maxLength": 8}, "x: text, any to 8 characters"),
        ({"type": "boolean"}, "x: boolean"),
        (
            {"type": "array", "items": {"type": "number", "maximum": 2}, "maxItems": 3},
            "x: list of number, any to 3 entries, any to 2",
        ),
        (
            {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            "x: number, 0 to 1 exclusive",
        ),
        ({"type": "integer", "multipleOf": 5}, "x: whole number, a multiple of 5"),
    ],
)
def test_bounds_are_told_in_words(declared: dict[str, object], words: str) -> None:
    ParameterSchema.from_schema(ParameterSchema({"x": declared}).schema)
    assert parameter_text("x", declared) == words
