"""Each signed document of governance: whole by its own signer, and by nothing else."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel

from phtlab.errors import (
    ApprovalError,
    NotOnRosterError,
    PhtlabError,
    ProposalError,
    SignatureError,
)
from phtlab.governance import (
    open_active_approvals,
    open_approval,
    open_proposal,
    open_refusal,
    open_revocation,
    open_withdrawal,
)
from phtlab.governance.approval import ACTIVE_APPROVALS_TYPE, APPROVAL_TYPE, REVOCATION_TYPE
from phtlab.governance.proposal import PROPOSAL_TYPE, unverified_proposal
from phtlab.governance.refusal import REFUSAL_TYPE, WITHDRAWAL_TYPE
from phtlab.train.canonical import canonical, digest
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import Envelope, peek, sign_statement
from phtlab.train.documents.roster import Roster
from tests.governance import documents
from tests.governance.conftest import Keys
from tests.raising import invalid, raises_code

PROPOSED = documents.proposal()


@dataclass(frozen=True)
class Kind:
    """One kind of signed document: who signs it, how it is made and opened, its codes."""

    name: str
    signer: str
    other: str
    make: Callable[[Envelope], BaseModel]
    open: Callable[[Envelope, Roster], BaseModel]
    type: str
    error: type[PhtlabError]
    code: str
    named: str

    def value(self, keys: Keys) -> Any:
        return self.make(PROPOSED.sign(keys["ada"]))


def _standing(envelope: Envelope, roster: Roster) -> BaseModel:
    return open_active_approvals(envelope, roster, station="ulm", now=documents.now())


KINDS = [
    Kind(
        *("proposal", "ada", "bob"),
        lambda signed: PROPOSED,
        open_proposal,
        PROPOSAL_TYPE,
        ProposalError,
        "proposal",
        "researcher",
    ),
    Kind(
        *("withdrawal", "ada", "bob"),
        lambda signed: documents.withdrawal(PROPOSED, signed),
        open_withdrawal,
        WITHDRAWAL_TYPE,
        ProposalError,
        "withdrawal",
        "researcher",
    ),
    Kind(
        *("approval", "ulm", "mainz"),
        lambda signed: documents.approval(PROPOSED, signed),
        open_approval,
        APPROVAL_TYPE,
        ApprovalError,
        "approval",
        "station",
    ),
    Kind(
        *("refusal", "ulm", "mainz"),
        lambda signed: documents.refusal(PROPOSED, signed),
        open_refusal,
        REFUSAL_TYPE,
        ApprovalError,
        "refusal",
        "station",
    ),
    Kind(
        *("revocation", "ulm", "mainz"),
        documents.revocation,
        open_revocation,
        REVOCATION_TYPE,
        ApprovalError,
        "approval",
        "station",
    ),
    Kind(
        *("standing", "ulm", "mainz"),
        lambda signed: documents.standing(4, signed),
        _standing,
        ACTIVE_APPROVALS_TYPE,
        ApprovalError,
        "approval",
        "station",
    ),
]
each = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@each
def test_what_its_signer_signed_is_read_whole(kind: Kind, keys: Keys) -> None:
    value = kind.value(keys)
    assert kind.open(value.sign(keys[kind.signer]), keys.roster) == value


@each
def test_altered_by_one_word_it_is_refused(kind: Kind, keys: Keys) -> None:
    signed = kind.value(keys).sign(keys[kind.signer])
    statement = json.loads(signed.body)
    statement["predicate"]["issued"] = "2020-01-01T00:00:00Z"
    altered = signed.model_copy(update={"payload": base64.b64encode(canonical(statement)).decode()})
    with pytest.raises(SignatureError):
        kind.open(altered, keys.roster)


@each
def test_with_one_of_its_two_signatures_missing_doubled_or_mixed_it_is_refused(
    kind: Kind, keys: Keys
) -> None:
    signed = kind.value(keys).sign(keys[kind.signer])
    first, second = signed.signatures
    (other, _) = kind.value(keys).sign(keys[kind.other]).signatures
    for signatures in (
        (first,),
        (second,),
        (first, first),
        (other, second),
        (first, second, other),
    ):
        with pytest.raises(SignatureError):
            kind.open(signed.model_copy(update={"signatures": signatures}), keys.roster)


@each
def test_signed_anew_by_another_member_it_is_refused(kind: Kind, keys: Keys) -> None:
    """As a hostile central would with any key that it has: the name inside is the signer's."""
    with pytest.raises(kind.error) as refused:
        kind.open(kind.value(keys).sign(keys[kind.other]), keys.roster)
    assert refused.value.code in (f"{kind.code}-signer", "standing-station")


@each
def test_signed_by_somebody_without_the_role_it_is_refused(kind: Kind, keys: Keys) -> None:
    value = kind.value(keys).model_copy(update={kind.named: "vera"})
    with pytest.raises(kind.error) as refused:
        kind.open(value.sign(keys["vera"]), keys.roster)
    assert refused.value.code == f"{kind.code}-role"


@each
def test_of_a_stranger_or_of_stolen_keys_it_is_refused(kind: Kind, keys: Keys) -> None:
    value = kind.value(keys)
    with pytest.raises(NotOnRosterError):
        kind.open(value.sign(keys["eve"]), keys.roster)
    # Keys that left, in good order or stolen: what they sign now is believed for nothing.
    for gone in (keys.roster.without(kind.signer, 3), keys.roster.without(kind.signer, 0)):
        with pytest.raises(NotOnRosterError):
            kind.open(value.sign(keys[kind.signer]), gone)


@each
def test_as_another_kind_of_document_it_is_refused(kind: Kind, keys: Keys) -> None:
    signed = kind.value(keys).sign(keys[kind.signer])
    for other in KINDS:
        if other is not kind:
            with pytest.raises(PhtlabError):
                other.open(signed, keys.roster)


@each
def test_signed_about_another_digest_than_it_says_it_is_refused(kind: Kind, keys: Keys) -> None:
    predicate = kind.value(keys).model_dump(mode="json")
    subject = {peek(kind.value(keys).sign(keys[kind.signer])).subject[0].name: digest(b"other")}
    signed = sign_statement(keys[kind.signer], kind.type, subject, predicate)
    with pytest.raises(kind.error) as refused:
        kind.open(signed, keys.roster)
    assert refused.value.code == f"{kind.code}-form"


@each
def test_with_a_word_more_or_less_it_is_refused(kind: Kind, keys: Keys) -> None:
    value = kind.value(keys)
    subject = {s.name: s.sha256 for s in peek(value.sign(keys[kind.signer])).subject}
    whole = value.model_dump(mode="json")
    less = {name: told for name, told in whole.items() if name != "issued"}
    for predicate in (whole | {"also": "every station"}, less):
        signed = sign_statement(keys[kind.signer], kind.type, subject, predicate)
        with pytest.raises(kind.error) as refused:
            kind.open(signed, keys.roster)
        assert refused.value.code == f"{kind.code}-form"


def test_what_is_signed_is_named_by_its_statement_alone(keys: Keys) -> None:
    """Two signatures of the same words have one name; another word has another."""
    again = Identity.from_seeds("ada", *keys["ada"].seeds(), keys["ada"].age)
    assert PROPOSED.sign(keys["ada"]).digest == PROPOSED.sign(again).digest
    other = PROPOSED.model_copy(update={"journeys": 2})
    assert other.sign(keys["ada"]).digest != PROPOSED.sign(keys["ada"]).digest


def test_a_document_of_version_1_is_named_as_such(keys: Keys) -> None:
    older = documents.proposal_of_version_1(PROPOSED, keys["ada"])
    with raises_code(SignatureError, "document-version"):
        open_proposal(older, keys.roster)
    with raises_code(SignatureError, "document-version"):
        unverified_proposal(older)
    approved = documents.approval(None, None)
    with raises_code(SignatureError, "document-version"):
        open_approval(documents.approval_of_version_1(approved, keys["ulm"]), keys.roster)


def test_a_proposal_is_listed_unverified(keys: Keys) -> None:
    signed = PROPOSED.sign(keys["eve"])
    assert unverified_proposal(signed) == PROPOSED
    for envelope, error, code in (
        (documents.refusal(PROPOSED, signed).sign(keys["ulm"]), SignatureError, "signature"),
        (sign_statement(keys["ada"], PROPOSAL_TYPE, {}, {}), ProposalError, "proposal-form"),
    ):
        with raises_code(error, code):
            unverified_proposal(envelope)


@pytest.mark.parametrize("text", ["a\u202eb", "a\u200bb", "a\x1b[2J", "two\nlines", "a\u2028b"])
def test_words_that_people_decide_by_are_visible(text: str) -> None:
    with invalid("value_error", "title"):
        documents.proposal(title=f"Age {text}")
    with invalid("value_error", "note"):
        documents.approval(None, None, note=text)
    if "\n" not in text:
        with invalid("value_error", "question"):
            documents.proposal(question=f"Why? {text}")
