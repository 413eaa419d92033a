"""Acceptances of the consortium's agreement: stored as signed, shown to all members."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from phtlab.central.audit.log import audited
from phtlab.central.db.database import Database
from phtlab.central.db.rows import envelope_of
from phtlab.central.db.tables import AcceptanceRow
from phtlab.central.journeys.trains import check_sender, check_size
from phtlab.central.roster.publication import Published
from phtlab.errors import ApprovalError
from phtlab.governance import open_acceptance
from phtlab.train.crypto.identity import Member
from phtlab.train.documents.envelope import Envelope
from phtlab.wire.api.governance import AcceptanceView

MAX_ACCEPTANCE_BYTES = 16 * 1024


def accept_agreement(
    database: Database, published: Published, sender: Member, envelope: Envelope
) -> tuple[AcceptanceView, bool]:
    """Store a member's acceptance of the agreement in force; return whether it is new.

    Raises SignatureError, NotOnRosterError or ApprovalError if the acceptance is invalid,
    ApprovalError (``agreement-other``) if it is of another text, CentralError if `sender` did not
    sign it.
    """
    check_size(envelope, MAX_ACCEPTANCE_BYTES, "acceptance")
    acceptance = open_acceptance(envelope, published.roster)
    check_sender(acceptance.member, sender, "acceptance")
    agreement = published.catalogue.agreement
    if agreement is None or agreement.digest != acceptance.agreement:
        raise ApprovalError(
            f"The consortium's agreement is {agreement.digest if agreement else 'none'} now, not "
            f"{acceptance.agreement}.",
            "Read it with 'phtlab key accept'.",
            code="agreement-other",
        )
    with database.change() as change:
        row = change.session.get(AcceptanceRow, (sender.name, acceptance.agreement))
        if row is not None:
            return _view(row), False
        row = AcceptanceRow(
            member=sender.name,
            agreement=acceptance.agreement,
            submitted=change.now,
            envelope=envelope.to_bytes().decode(),
        )
        change.session.add(row)
        audited(
            change,
            actor=sender.name,
            action="agreement-accepted",
            subject=sender.name,
            digest=acceptance.agreement,
        )
        return _view(row), True


def acceptances(session: Session, published: Published) -> tuple[AcceptanceView, ...]:
    """Return the acceptances of the agreement in force, sorted by member."""
    if published.catalogue.agreement is None:
        return ()
    query = (
        select(AcceptanceRow)
        .where(AcceptanceRow.agreement == published.catalogue.agreement.digest)
        .order_by(AcceptanceRow.member)
    )
    return tuple(map(_view, session.scalars(query)))


def _view(row: AcceptanceRow) -> AcceptanceView:
    return AcceptanceView(
        member=row.member,
        agreement=row.agreement,
        submitted=row.submitted,
        envelope=envelope_of(row.envelope),
    )
