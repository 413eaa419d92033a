"""Documents that stations sign: approvals, refusals, revocations, lists of active approvals.

Central verifies each envelope, so that it stores nothing invalid, and stores it as received.
Readers do not rely on that: each verifies the envelope again.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from phtlab.central.audit.log import audited
from phtlab.central.db.database import Change, Database
from phtlab.central.db.rows import envelope_of
from phtlab.central.db.tables import ActiveApprovalsRow, ApprovalRow, ProposalRow, RefusalRow
from phtlab.central.governance.proposal_views import (
    active_approvals_view,
    approval_view,
    proposal_view,
)
from phtlab.central.governance.proposals import changed, require_not_withdrawn, visible_proposal
from phtlab.central.journeys.trains import check_size
from phtlab.central.limits.quotas import require_room
from phtlab.central.notifications.outbox import notify
from phtlab.central.problems import forbidden, not_found
from phtlab.errors import ApprovalError
from phtlab.governance import (
    Approval,
    Proposal,
    Refusal,
    open_active_approvals,
    open_approval,
    open_refusal,
    open_revocation,
)
from phtlab.governance.coverage import why_not_study
from phtlab.governance.proposal import unverified_proposal
from phtlab.governance.refusal import REFUSAL_TYPE
from phtlab.train.crypto.identity import Member
from phtlab.train.documents.envelope import Envelope, peek
from phtlab.train.documents.roster import Roster
from phtlab.wire.api.governance import ActiveApprovalsView, ApprovalPage, ApprovalView, ProposalView

MAX_APPROVAL_BYTES: Final = 128 * 1024
MAX_ACTIVE_APPROVALS_BYTES: Final = 2**20


def decide(
    database: Database,
    roster: Roster,
    member: Member,
    proposal: str,
    station: str,
    envelope: Envelope,
    *,
    most: int,
) -> ProposalView:
    """Store a station's signed approval under the proposal, or its refusal of a version.

    A station may make `most` decisions a day. A decision is valid only for the version that it
    names. Raises what `put_approval` raises.
    """
    _own(member, station)
    check_size(envelope, MAX_APPROVAL_BYTES, "decision")
    decision: Approval | Refusal
    if peek(envelope).predicate_type == REFUSAL_TYPE:
        decision = open_refusal(envelope, roster)
    else:
        decision = open_approval(envelope, roster)
    _own(member, decision.station)
    if decision.proposal_id != proposal:
        raise ApprovalError(
            f"This is signed about {decision.proposal_id or 'no proposal'}, not about {proposal}.",
            code="decision-proposal",
        )
    with database.change() as change:
        _keep(change, roster, member, decision, envelope, most)
        row = visible_proposal(change.session, member, proposal)
        return proposal_view(row, roster, change.now)


def put_approval(
    database: Database, roster: Roster, member: Member, envelope: Envelope, *, most: int
) -> tuple[ApprovalView, bool]:
    """Store a station's signed approval, if it is new; return whether it is.

    A station may make `most` decisions a day. Raises SignatureError, NotOnRosterError or
    ApprovalError if the approval is invalid or does not fit the version that it names
    (``decision-proposal``), ProposalError if the proposal was withdrawn, CentralError
    (``forbidden``) for another station's approval, or (``quota``) above the daily limit.
    """
    check_size(envelope, MAX_APPROVAL_BYTES, "approval")
    approval = open_approval(envelope, roster)
    _own(member, approval.station)
    with database.change() as change:
        new = _keep(change, roster, member, approval, envelope, most)
        return approval_view(change.session.get_one(ApprovalRow, envelope.digest)), new


def put_revocation(
    database: Database, roster: Roster, member: Member, envelope: Envelope
) -> tuple[ApprovalView, bool]:
    """Store a station's revocation of a stored approval; return whether it is new.

    Central keeps the first one. Raises as `put_approval`, and CentralError (``not-found``).
    """
    check_size(envelope, MAX_APPROVAL_BYTES, "revocation")
    revocation = open_revocation(envelope, roster)
    _own(member, revocation.station)
    with database.change() as change:
        row = change.session.get(ApprovalRow, revocation.approval)
        if row is None or row.station != member.name:
            raise not_found(f"Central has no approval {revocation.approval} of {member.name}.")
        if row.revocation is not None:
            return approval_view(row), False
        row.revocation = envelope.to_bytes().decode()
        audited(
            change,
            actor=member.name,
            action="approval-revoked",
            subject=row.digest,
            digest=envelope.digest,
        )
        notify(change, "approval-revoked", [row.researcher], row.proposal_id or row.digest)
        if row.proposal_id is not None:
            changed(change, change.session.get_one(ProposalRow, row.proposal_id), roster)
        return approval_view(row), True


def visible_approvals(
    session: Session,
    member: Member,
    station: str | None,
    proposal: str | None,
    *,
    limit: int,
    before: int | None = None,
) -> ApprovalPage:
    """Return a page of the approvals that `member` may see, newest first.

    A station sees its own, a researcher those of their trains, an officer all. `proposal` is a
    proposal's id, or a version's digest.
    """
    query = select(ApprovalRow).order_by(ApprovalRow.number.desc()).limit(limit + 1)
    if before is not None:
        query = query.where(ApprovalRow.number < before)
    if "officer" not in member.roles:
        own = ApprovalRow.station if member.has_stops else ApprovalRow.researcher
        query = query.where(own == member.name)
    if station is not None:
        query = query.where(ApprovalRow.station == station)
    if proposal is not None:
        query = query.where(
            (ApprovalRow.proposal_id == proposal) | (ApprovalRow.proposal == proposal)
        )
    rows = list(session.scalars(query))
    return ApprovalPage(
        approvals=tuple(approval_view(row) for row in rows[:limit]),
        next=rows[limit - 1].number if len(rows) > limit else None,
    )


def put_active_approvals(
    database: Database, roster: Roster, member: Member, station: str, envelope: Envelope
) -> ActiveApprovalsView:
    """Store a station's newest list of active approvals.

    The same list again changes nothing. Raises as `open_active_approvals`, and ApprovalError
    (``standing-rolled-back``) for another list of the same number.
    """
    _own(member, station)
    check_size(envelope, MAX_ACTIVE_APPROVALS_BYTES, "list of what stands")
    with database.read() as session:
        row = session.get(ActiveApprovalsRow, station)
        at_least = row.number if row else 1
    active = open_active_approvals(
        envelope, roster, station=station, now=database.clock(), at_least=at_least
    )
    with database.change() as change:
        row = change.session.get(ActiveApprovalsRow, station) or ActiveApprovalsRow(
            station=station, number=0
        )
        if row.digest == envelope.digest:
            return active_approvals_view(row)
        if active.number <= row.number:
            raise ApprovalError(
                f"Central has another list of {station} with the number {row.number} already.",
                "Give the next one a higher number.",
                code="standing-rolled-back",
            )
        row.number, row.digest = active.number, envelope.digest
        row.received, row.envelope = change.now, envelope.to_bytes().decode()
        change.session.add(row)
        return active_approvals_view(row)


def active_approvals_of(session: Session, station: str) -> ActiveApprovalsView:
    """Return the newest list of `station`. Raises CentralError (``not-found``)."""
    row = session.get(ActiveApprovalsRow, station)
    if row is None:
        raise not_found(f"{station} has published no list of what it allows.")
    return active_approvals_view(row)


def _keep(
    change: Change,
    roster: Roster,
    member: Member,
    decision: Approval | Refusal,
    envelope: Envelope,
    most: int,
) -> bool:
    """Store a verified decision; return whether it is new. Raises CentralError (``quota``)."""
    kind = ApprovalRow if isinstance(decision, Approval) else RefusalRow
    if change.session.get(kind, envelope.digest) is not None:
        return False
    require_room(change, most, "decisions", kind.submitted, kind.station == member.name)
    proposal, proposal_row = _proposal(change.session, member, decision)
    row = _row(change, decision, proposal_row, envelope)
    audited(
        change,
        actor=member.name,
        action="approved" if isinstance(decision, Approval) else "refused",
        subject=decision.proposal_id or "",
        digest=envelope.digest,
        details={"proposal": decision.proposal} if decision.proposal else {},
    )
    if proposal is None:
        change.session.add(row)
        change.session.flush()
        return True
    recipients = [proposal.researcher]
    notify(change, "proposal-decided", recipients, proposal.id, about=envelope.digest)
    if isinstance(row, ApprovalRow):
        proposal.approvals.append(row)
    else:
        proposal.refusals.append(row)
    changed(change, proposal, roster)
    return True


def _proposal(
    session: Session, member: Member, decision: Approval | Refusal
) -> tuple[ProposalRow, Proposal] | tuple[None, None]:
    """Return a decision's proposal, and the version it names.

    Raises ApprovalError for a misfit, SignatureError for a version of another format.
    """
    if decision.proposal_id is None:
        return None, None
    row = visible_proposal(session, member, decision.proposal_id)
    require_not_withdrawn(row)
    version = next(
        (version for version in row.versions if version.digest == decision.proposal), None
    )
    if version is None:
        raise ApprovalError(
            f"The proposal {row.id} has no version {decision.proposal}.",
            "Read it again before you decide.",
            code="decision-proposal",
        )
    proposal = unverified_proposal(envelope_of(version.envelope))
    if member.name not in proposal.stations:
        raise ApprovalError(
            f"Version {version.version} of {row.id} does not name {member.name}.",
            code="decision-proposal",
        )
    if isinstance(decision, Approval) and decision.researcher != row.researcher:
        raise ApprovalError(
            f"This approval is for {decision.researcher}; {row.id} is {row.researcher}'s.",
            code="decision-proposal",
        )
    return row, proposal


def _row(
    change: Change, decision: Approval | Refusal, proposal: Proposal | None, envelope: Envelope
) -> ApprovalRow | RefusalRow:
    text = envelope.to_bytes().decode()
    if isinstance(decision, Approval):
        return ApprovalRow(
            digest=envelope.digest,
            number=change.tick(),
            station=decision.station,
            researcher=decision.researcher,
            proposal_id=decision.proposal_id,
            proposal=decision.proposal,
            submitted=change.now,
            expires=decision.expires,
            allows=decision.allows(),
            lacks=why_not_study(decision, proposal) if proposal is not None else "",
            keys=" ".join(sorted(signature.keyid for signature in envelope.signatures)),
            envelope=text,
            revocation=None,
        )
    return RefusalRow(
        digest=envelope.digest,
        number=change.tick(),
        station=decision.station,
        proposal_id=decision.proposal_id,
        proposal=decision.proposal,
        submitted=change.now,
        envelope=text,
    )


def _own(member: Member, station: str) -> None:
    if member.name != station:
        raise forbidden(f"Only the station {station} speaks for itself, not {member.name}.")
