"""Requests for membership: only whoever holds the keys can ask for them."""

from __future__ import annotations

from typing import Any

import pytest

from phtlab.consortium.enrolment import (
    REMOVAL_TYPE,
    REQUEST_TYPE,
    Removal,
    open_request,
    request_membership,
    request_removal,
)
from phtlab.errors import NotOnRosterError, RosterError, SignatureError
from phtlab.train.canonical import canonical, digest
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import Envelope, open_statement, sign_statement
from tests.raising import raises_code


def test_request_gives_the_member(people: Any) -> None:
    envelope = request_membership(people["cleveland"], "Cleveland Clinic", ("station",))
    member = open_request(Envelope.from_bytes(envelope.to_bytes()))
    assert (member.name, member.organisation, member.roles) == (
        "cleveland",
        "Cleveland Clinic",
        ("station",),
    )
    assert member.keys == people["cleveland"].public


def test_request_for_keys_of_somebody_else_refused(people: Any) -> None:
    """Mallory asks for Mara's name and keys; the signature is Mallory's."""
    theirs = open_request(request_membership(people["mara"]))
    forged = sign_statement(
        people["mallory"], REQUEST_TYPE, {"mara": "sha256:" + "a" * 64}, theirs.model_dump()
    )
    with pytest.raises(NotOnRosterError):
        open_request(forged)


def test_request_with_one_key_swapped_refused(people: Any) -> None:
    mine, theirs = people["mallory"].public, people["mara"].public
    mixed = mine.model_copy(update={"ed25519": theirs.ed25519})
    member = open_request(request_membership(people["mallory"])).model_copy(update={"keys": mixed})
    forged = sign_statement(
        people["mallory"], REQUEST_TYPE, {"mallory": "sha256:" + "a" * 64}, member.model_dump()
    )
    with pytest.raises(SignatureError):
        open_request(forged)


def test_request_about_other_keys_than_it_is_signed_for_refused(people: Any) -> None:
    member = open_request(request_membership(people["mara"]))
    forged = sign_statement(
        people["mara"], REQUEST_TYPE, {"mara": "sha256:" + "a" * 64}, member.model_dump()
    )
    with raises_code(SignatureError, "request-keys"):
        open_request(forged)


def test_another_document_is_no_request(documents: Any) -> None:
    with raises_code(SignatureError, "request-form"):
        open_request(documents.order())


@pytest.mark.parametrize(
    ("name", "organisation", "roles"),
    [("Mara", "", ["researcher"]), ("mara", "\x07", ["researcher"]), ("mara", "", ["king"])],
)
def test_request_that_no_roster_can_hold_is_not_made(
    people: Any, name: str, organisation: str, roles: Any
) -> None:
    mara = people["mara"]
    identity = Identity(name, mara.ed25519, mara.ml_dsa_65, mara.age)
    with raises_code(RosterError, "request"):
        request_membership(identity, organisation, roles)


def test_removal_tells_who_gives_up_which_keys_and_why(people: Any, roster: Any) -> None:
    envelope = request_removal(people["mara"], "My laptop was stolen.")
    statement, member = open_statement(envelope, REMOVAL_TYPE, roster.members)
    keys = digest(canonical(people["mara"].public.model_dump()))
    assert member.name == "mara"
    assert [(one.name, one.sha256) for one in statement.subject] == [("mara", keys)]
    removal = Removal.model_validate(statement.predicate)
    assert (removal.name, removal.keys, removal.reason) == ("mara", keys, "My laptop was stolen.")


@pytest.mark.parametrize("reason", ["x" * 501, "two\nlines", "\x1b[2J", "\u202egnihtyna"])
def test_reason_that_no_officer_can_read_is_not_sent(people: Any, reason: str) -> None:
    with raises_code(RosterError, "request"):
        request_removal(people["mara"], reason)
