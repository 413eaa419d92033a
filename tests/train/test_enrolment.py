"""Requests for membership: only whoever holds the keys can ask for them."""

from __future__ import annotations

from typing import Any

import pytest

from phtlab.errors import NotOnRosterError, RosterError, SignatureError
from phtlab.train.enrolment import REQUEST_TYPE, open_request, request_membership
from phtlab.train.envelope import Envelope, sign_statement
from phtlab.train.identity import Identity


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
    with pytest.raises(SignatureError, match="other keys than it is about") as refused:
        open_request(forged)
    assert refused.value.code == "request"


def test_another_document_is_no_request(documents: Any) -> None:
    with pytest.raises(SignatureError, match="not a request for membership"):
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
    with pytest.raises(RosterError, match="cannot be asked for") as refused:
        request_membership(identity, organisation, roles)
    assert refused.value.code == "request"
