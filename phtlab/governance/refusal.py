"""A station's refusal of one version of a proposal, and a researcher's withdrawal of it all.

A refusal allows nothing, so nobody can make a station run anything by hiding or repeating one. It
is signed so that nobody else can refuse in the station's name.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from phtlab.errors import ApprovalError, ProposalError
from phtlab.governance.approval import PersonName
from phtlab.governance.proposal import ProposalId
from phtlab.governance.text import Lines
from phtlab.train.canonical import Digest
from phtlab.train.crypto.identity import Identity, MemberName
from phtlab.train.documents.envelope import Envelope, open_statement, sign_statement
from phtlab.train.documents.moment import Moment
from phtlab.train.documents.roster import Roster
from phtlab.train.verify.predicate import read_predicate, require_role

REFUSAL_TYPE: Final = "https://phtlab.org/refusal/v1"
WITHDRAWAL_TYPE: Final = "https://phtlab.org/withdrawal/v1"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Refusal(_Value):
    """A statement that `station` refuses the version `proposal` of the proposal `proposal_id`."""

    station: MemberName
    proposal_id: ProposalId
    proposal: Digest
    by: PersonName
    reason: Annotated[Lines, StringConstraints(max_length=4000)] = ""
    roster_version: int = Field(ge=1)
    issued: Moment

    def sign(self, identity: Identity) -> Envelope:
        return sign_statement(
            identity, REFUSAL_TYPE, {"proposal": self.proposal}, self.model_dump(mode="json")
        )


WithdrawalReason = Annotated[Lines, StringConstraints(max_length=4000)]


class Withdrawal(_Value):
    """A statement that `proposal_id` is withdrawn. `proposal` is its newest version by then."""

    researcher: MemberName
    proposal_id: ProposalId
    proposal: Digest
    reason: WithdrawalReason = ""
    issued: Moment

    def sign(self, identity: Identity) -> Envelope:
        return sign_statement(
            identity, WITHDRAWAL_TYPE, {"proposal": self.proposal}, self.model_dump(mode="json")
        )


def open_refusal(envelope: Envelope, roster: Roster) -> Refusal:
    """Return the refusal, if the station that it names signed it.

    Raises NotOnRosterError, SignatureError, or ApprovalError with one of the codes
    ``refusal-role``, ``refusal-form``, ``refusal-signer``.
    """
    statement, signer = open_statement(envelope, REFUSAL_TYPE, roster.members)
    require_role(signer, "station", ApprovalError, "refusal-role", "refuse a proposal")
    refusal = read_predicate(
        Refusal, statement, ApprovalError("", code="refusal-form"), f"What {signer.name} signed"
    )
    if [(s.name, s.sha256) for s in statement.subject] != [("proposal", refusal.proposal)]:
        raise ApprovalError(
            "This refusal is signed about something else than it says.",
            "Sign it again.",
            code="refusal-form",
        )
    if refusal.station != signer.name:
        raise ApprovalError(
            f"This refusal in the name of {refusal.station} is signed by {signer.name}: do not "
            "rely on it, and tell an officer.",
            code="refusal-signer",
        )
    return refusal


def open_withdrawal(envelope: Envelope, roster: Roster) -> Withdrawal:
    """Return the withdrawal, if the researcher that it names signed it.

    Raises NotOnRosterError, SignatureError, or ProposalError with one of the codes
    ``withdrawal-role``, ``withdrawal-form``, ``withdrawal-signer``.
    """
    statement, signer = open_statement(envelope, WITHDRAWAL_TYPE, roster.members)
    require_role(signer, "researcher", ProposalError, "withdrawal-role", "withdraw a proposal")
    withdrawal = read_predicate(
        Withdrawal, statement, ProposalError("", code="withdrawal-form"), "This withdrawal"
    )
    if [(s.name, s.sha256) for s in statement.subject] != [("proposal", withdrawal.proposal)]:
        raise ProposalError(
            "This withdrawal is signed about something else than it says.",
            "Sign it again.",
            code="withdrawal-form",
        )
    if withdrawal.researcher != signer.name:
        raise ProposalError(
            f"This withdrawal of {withdrawal.researcher}'s proposal is signed by {signer.name}. "
            "Only its researcher may withdraw a proposal.",
            code="withdrawal-signer",
        )
    return withdrawal
