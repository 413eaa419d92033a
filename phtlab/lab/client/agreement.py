"""The consortium's agreement, as a member reads and accepts it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from phtlab.errors import ApprovalError, PhtlabError
from phtlab.governance import Acceptance, open_acceptance
from phtlab.lab.client.lab import Lab
from phtlab.train.documents.roster import Agreement, Roster
from phtlab.wire.api.governance import AcceptanceView


def agreement_of(lab: Lab) -> Agreement:
    """The agreement that the officers signed. Raises ApprovalError (``agreement-none``)."""
    agreement = lab.refresh().catalogue.agreement
    if agreement is None:
        raise ApprovalError(
            f"The consortium {lab.trusted.roster.consortium} asks its members to accept nothing.",
            code="agreement-none",
        )
    return agreement


def accept(lab: Lab, agreement: Agreement) -> AcceptanceView:
    """Sign that one accepts exactly this text, and tell central."""
    acceptance = Acceptance(
        member=lab.name,
        agreement=agreement.digest,
        roster_version=lab.trusted.roster.version,
        issued=datetime.now(UTC).replace(microsecond=0),
    )
    return lab.central.governance.accept(acceptance.sign(lab.identity))


def verified(views: Iterable[AcceptanceView], roster: Roster) -> tuple[Acceptance, ...]:
    """Those of the acceptances that central shows which hold; what does not, counts for nobody."""
    found = []
    for view in views:
        try:
            found.append(open_acceptance(view.envelope, roster))
        except PhtlabError:
            continue
    return tuple(found)
