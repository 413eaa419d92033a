"""Proposals: submitted version by version, visible to researcher, named stations and officers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, Select, func, select, true
from sqlalchemy.orm import Session, selectinload

from phtlab.central.audit.log import audited
from phtlab.central.changes import bus
from phtlab.central.db.database import Change, Database
from phtlab.central.db.rows import envelope_of
from phtlab.central.db.tables import (
    ApprovalRow,
    ProposalPartyRow,
    ProposalRow,
    ProposalStationRow,
    ProposalVersionRow,
    RefusalRow,
)
from phtlab.central.governance.proposal_views import (
    keys_of_stations,
    proposal_summary,
    proposal_view,
)
from phtlab.central.journeys.trains import check_sender, check_size
from phtlab.central.limits.quotas import require_room
from phtlab.central.notifications.outbox import at_station, notify
from phtlab.central.problems import forbidden, not_found
from phtlab.errors import NotOnRosterError, ProposalError, SignatureError
from phtlab.governance import Proposal, open_proposal, open_withdrawal, require_successor
from phtlab.governance.proposal import unverified_proposal
from phtlab.train.crypto.identity import Member
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.roster import Roster
from phtlab.train.verify.predicate import CLOCK_SKEW
from phtlab.wire.api.governance import ProposalPage, ProposalView

MAX_PROPOSAL_BYTES: Final = 128 * 1024
MAX_VERSIONS: Final = 100


def submit_proposal(
    database: Database, roster: Roster, sender: Member, envelope: Envelope, *, most: int
) -> tuple[ProposalView, bool]:
    """Store a signed version that follows the newest one; return whether it is new.

    A researcher may submit `most` versions a day. Raises SignatureError, NotOnRosterError or
    ProposalError if the version is invalid, ProposalError (``proposal-version``) if it does not
    follow, or (``document-version``) if the newest is of another version of the format,
    CentralError if it is too large, not signed by `sender`, or (``quota``) above the daily limit.
    """
    check_size(envelope, MAX_PROPOSAL_BYTES, "proposal")
    proposal = open_proposal(envelope, roster)
    check_sender(proposal.researcher, sender, "proposal")
    _require_stations(proposal, roster)
    with database.change() as change:
        row = change.session.get(ProposalRow, proposal.id)
        known = {version.digest for version in row.versions} if row else set()
        if row is not None and envelope.digest in known:
            return proposal_view(row, roster, change.now), False
        _require_timely(proposal, change)
        own = ProposalVersionRow.proposal_id.in_(
            select(ProposalRow.id).where(ProposalRow.researcher == sender.name)
        )
        require_room(change, most, "versions of proposals", ProposalVersionRow.submitted, own)
        if row is None:
            require_successor(proposal, None, None)
            row = ProposalRow(id=proposal.id, researcher=sender.name, submitted=change.now)
            row.versions, row.comments, row.approvals, row.refusals = [], [], [], []
            change.session.add(row)
        else:
            require_not_withdrawn(row)
            newest = row.versions[-1]
            require_successor(proposal, _older(row.id, newest), newest.digest)
        _add_version(change, row, proposal, envelope)
        audited(
            change,
            actor=sender.name,
            action="proposal-submitted",
            subject=row.id,
            digest=envelope.digest,
            details={"version": str(proposal.version), "stations": ", ".join(proposal.stations)},
        )
        waiting = at_station(roster, proposal.stations)
        notify(change, "proposal-waits", waiting, row.id, about=envelope.digest)
        changed(change, row, roster)
        return proposal_view(row, roster, change.now), True


def _older(proposal: str, newest: ProposalVersionRow) -> Proposal:
    try:
        return unverified_proposal(envelope_of(newest.envelope))
    except SignatureError as error:
        raise ProposalError(
            f"{proposal} cannot be continued. {error.message}",
            "Write it anew with 'phtlab proposal new', so that stations decide on it again.",
            code="document-version",
        ) from None


def visible_proposal(session: Session, member: Member, proposal: str) -> ProposalRow:
    """Return the proposal if `member` may see it. Raises CentralError (``not-found``)."""
    row = session.get(ProposalRow, proposal)
    if row is None or not (
        "officer" in member.roles
        or session.get(ProposalPartyRow, (proposal, member.name)) is not None
    ):
        raise not_found(f"There is no proposal {proposal} here, or not for {member.name} to see.")
    return row


def visible_proposals(
    session: Session,
    member: Member,
    roster: Roster,
    now: datetime,
    *,
    limit: int,
    before: int | None = None,
    after: int = 0,
) -> ProposalPage:
    """Return a page of the proposals that `member` may see, last changed first."""
    query = (
        select(ProposalRow)
        .where(_of(member.name, "officer" in member.roles), ProposalRow.changed > after)
        .order_by(ProposalRow.changed.desc())
        .limit(limit + 1)
        .options(
            # A list shows summaries; the envelopes are read one proposal at a time.
            selectinload(ProposalRow.versions).defer(ProposalVersionRow.envelope),
            selectinload(ProposalRow.approvals).defer(ApprovalRow.envelope),
            selectinload(ProposalRow.refusals).defer(RefusalRow.envelope),
        )
    )
    if before is not None:
        query = query.where(ProposalRow.changed < before)
    rows = list(session.scalars(query))
    keys = keys_of_stations(roster)
    return ProposalPage(
        proposals=tuple(proposal_summary(row, keys, now) for row in rows[:limit]),
        next=rows[limit - 1].changed if len(rows) > limit else None,
    )


def proposals_cursor(session: Session, name: str, *, officer: bool = False) -> int:
    """Return the number of the last change to a proposal that the member may see, or 0."""
    return session.scalar(newest_change(name, officer=officer)) or 0


def newest_change(name: str | BindParameter[str], *, officer: bool = False) -> Select[Any]:
    """Return the query of `proposals_cursor`, for use within a larger query."""
    return select(func.max(ProposalRow.changed)).where(_of(name, officer))


def withdraw_proposal(
    database: Database, roster: Roster, sender: Member, proposal: str, envelope: Envelope
) -> ProposalView:
    """Store the researcher's signed withdrawal. A second withdrawal changes nothing.

    Raises SignatureError, NotOnRosterError or ProposalError if the withdrawal is invalid or not of
    the newest version, CentralError if `sender` is not the researcher.
    """
    check_size(envelope, MAX_PROPOSAL_BYTES, "withdrawal")
    withdrawal = open_withdrawal(envelope, roster)
    check_sender(withdrawal.researcher, sender, "withdrawal")
    with database.change() as change:
        row = visible_proposal(change.session, sender, proposal)
        if row.researcher != sender.name:
            raise forbidden(f"{row.researcher} proposed this: nobody else can withdraw it.")
        if withdrawal.proposal_id != proposal or withdrawal.proposal != row.digest:
            raise ProposalError(
                "This withdrawal is of another proposal, or of an older version of it.",
                "Sign one of the newest version.",
                code="withdrawal-version",
            )
        if row.withdrawal is None:
            row.withdrawal = envelope.to_bytes().decode()
            audited(
                change,
                actor=sender.name,
                action="proposal-withdrawn",
                subject=row.id,
                digest=envelope.digest,
            )
            changed(change, row, roster)
        return proposal_view(row, roster, change.now)


def changed(change: Change, row: ProposalRow, roster: Roster) -> int:
    """Give the proposal the number of this change, and notify its parties and the officers."""
    change.session.flush()
    row.changed, row.updated = change.tick(), change.now
    change.session.flush()
    parties = change.session.scalars(
        select(ProposalPartyRow.member).where(ProposalPartyRow.proposal_id == row.id)
    ).all()
    officers = [member.name for member in roster.with_role("officer")]
    change.notify(*map(bus.of_station, parties), *map(bus.of_member, {*parties, *officers}))
    return row.changed


def require_not_withdrawn(row: ProposalRow) -> None:
    """Raise ProposalError (``proposal-withdrawn``) if the proposal was withdrawn."""
    if row.withdrawal is not None:
        raise ProposalError(
            f"{row.researcher} has withdrawn the proposal {row.id}: nothing more is said of it.",
            "Write a new one with 'phtlab proposal new'.",
            code="proposal-withdrawn",
        )


def _of(name: str | BindParameter[str], officer: bool) -> ColumnElement[bool]:
    """Return the condition that the member called `name` may see a proposal."""
    if officer:
        return true()
    own = select(ProposalPartyRow.proposal_id).where(ProposalPartyRow.member == name)
    return ProposalRow.id.in_(own)


def _require_stations(proposal: Proposal, roster: Roster) -> None:
    known = [member.name for member in roster.stations]
    if unknown := [name for name in proposal.stations if name not in known]:
        raise NotOnRosterError(
            f"There is no station '{unknown[0]}' on the roster, which has: {', '.join(known)}."
        )


def _require_timely(proposal: Proposal, change: Change) -> None:
    if proposal.issued > change.now + CLOCK_SKEW:
        raise ProposalError(
            "This proposal was written in the future.",
            "Check this machine's clock.",
            code="proposal-time",
        )
    if proposal.until <= change.now:
        raise ProposalError(
            f"This proposal ended at {proposal.until:%Y-%m-%d %H:%M} UTC.",
            "Give a later day.",
            code="proposal-time",
        )


def _add_version(change: Change, row: ProposalRow, proposal: Proposal, envelope: Envelope) -> None:
    if len(row.versions) >= MAX_VERSIONS:
        raise ProposalError(
            f"The proposal {row.id} has {len(row.versions)} versions, and central takes no more.",
            "Write a new one with 'phtlab proposal new'.",
            code="proposal-versions",
        )
    row.title, row.digest, row.until = proposal.title, envelope.digest, proposal.until
    row.changed = 0
    row.updated = change.now
    row.versions.append(
        ProposalVersionRow(
            digest=envelope.digest,
            proposal_id=row.id,
            version=proposal.version,
            submitted=change.now,
            envelope=envelope.to_bytes().decode(),
        )
    )
    row.stations.clear()
    change.session.flush()  # Delete the old rows before adding new ones of the same name.
    row.stations.extend(
        ProposalStationRow(
            station=station, number=number, reviewing=False, question="", updated=change.now
        )
        for number, station in enumerate(proposal.stations)
    )
    for name in {row.researcher, *proposal.stations}:
        if change.session.get(ProposalPartyRow, (row.id, name)) is None:
            change.session.add(ProposalPartyRow(proposal_id=row.id, member=name))
