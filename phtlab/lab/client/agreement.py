"""The consortium's agreement: read it, accept it, and verify acceptances."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from phtlab.errors import ApprovalError, PhtlabError
from phtlab.governance import Acceptance, open_acceptance
from phtlab.lab.client.lab import Lab
from phtlab.train.documents.roster import Agreement, Roster
from phtlab.wire.api.governance import AcceptanceView


def agreement_of(lab: Lab) -> Agreement:
    """Return the agreement that the officers signed. Raises ApprovalError (``agreement-none``)."""
    agreement = lab.refresh().catalogue.agreement
    if agreement is None:
        raise ApprovalError(
            f"The consortium {lab.trusted.roster.consortium} asks its members to accept nothing.",
            code="agreement-none",
        )
    return agreement


def accept(lab: Lab, agreement: Agreement) -> AcceptanceView:
    """Sign the acceptance of exactly this text, and send it to central."""
    acceptance = Acceptance(
        member=lab.name,
        agreement=agreement.digest,
        roster_version=lab.trusted.roster.version,
        issued=datetime.now(UTC).replace(microsecond=0),
    )
    return lab.central.governance.accept(acceptance.sign(lab.identity))


def verified(views: Iterable[AcceptanceView], roster: Roster) -> tuple[Acceptance, ...]:
    """Return the acceptances from central that verify; the others are dropped."""
    found = []
    for view in views:
        try:
            found.append(open_acceptance(view.envelope, roster))
        except PhtlabError:
            continue
    return tuple(found)
