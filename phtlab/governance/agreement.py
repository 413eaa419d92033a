"""The consortium's agreement: members' signed acceptances of exactly one text. Pure.

The text comes with the catalogue, which the officers signed. A changed text is another agreement,
which members must accept again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from phtlab.errors import ApprovalError
from phtlab.train.canonical import Digest
from phtlab.train.crypto.identity import Identity, MemberName
from phtlab.train.documents.envelope import Envelope, open_statement, sign_statement
from phtlab.train.documents.moment import Moment
from phtlab.train.documents.roster import Agreement, Roster
from phtlab.train.verify.predicate import read_predicate

ACCEPTANCE_TYPE: Final = "https://phtlab.org/acceptance/v1"


class Acceptance(BaseModel):
    """A statement that `member` accepts the text with the digest `agreement`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    member: MemberName
    agreement: Digest
    roster_version: int = Field(ge=1)
    issued: Moment

    def sign(self, identity: Identity) -> Envelope:
        return sign_statement(
            identity, ACCEPTANCE_TYPE, {"agreement": self.agreement}, self.model_dump(mode="json")
        )


def open_acceptance(envelope: Envelope, roster: Roster) -> Acceptance:
    """Return the acceptance, if the member that it names signed it.

    Raises NotOnRosterError, SignatureError, or ApprovalError with one of the codes
    ``acceptance-form``, ``acceptance-signer``.
    """
    statement, signer = open_statement(envelope, ACCEPTANCE_TYPE, roster.members)
    acceptance = read_predicate(
        Acceptance, statement, ApprovalError("", code="acceptance-form"), "This acceptance"
    )
    if [(s.name, s.sha256) for s in statement.subject] != [("agreement", acceptance.agreement)]:
        raise ApprovalError(
            "This acceptance is signed about something else than it says.",
            "Sign it again with 'phtlab key accept'.",
            code="acceptance-form",
        )
    if acceptance.member != signer.name:
        raise ApprovalError(
            f"This acceptance in the name of {acceptance.member} is signed by {signer.name}: it "
            "counts for nobody.",
            code="acceptance-signer",
        )
    return acceptance


def require_accepted(
    agreement: Agreement | None, acceptances: Iterable[Acceptance], researcher: str
) -> None:
    """Raise ApprovalError (``agreement-missing``) unless `researcher` accepted the `agreement`.

    `acceptances` are verified ones (`open_acceptance`). Without an agreement, nothing is required.
    """
    if agreement is None:
        return
    if not any((a.member, a.agreement) == (researcher, agreement.digest) for a in acceptances):
        raise ApprovalError(
            f"{researcher} has not accepted the consortium's agreement {agreement.digest[:19]}…, "
            "which this station requires.",
            "Read and accept it with 'phtlab key accept'.",
            code="agreement-missing",
        )
