"""Central's audit log: a hash chain, each entry written in the transaction that it describes.

The clock row's lock puts all changes, and so the chain, in one order, with any number of
replicas. Entries hold names and digests, never data: every member may read all of them, since a
chain can only be verified whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from phtlab.central.audit.tables import AuditEntryRow
from phtlab.central.db.database import Change
from phtlab.governance.audit.chain import START, Entry, Head, following
from phtlab.governance.audit.filter import EntryFilter
from phtlab.governance.text import line_of
from phtlab.wire.api.audit import AuditHead, AuditPage

PAGE: Final = 1000
_HEAD: Final = (
    select(AuditEntryRow.number, AuditEntryRow.name).order_by(AuditEntryRow.number.desc()).limit(1)
)


def audited(
    change: Change,
    *,
    actor: str,
    action: str,
    subject: str = "",
    digest: str | None = None,
    details: Mapping[str, str] | None = None,
) -> None:
    """Append to the log, in the transaction of `change`, what `actor` did to `subject`."""
    entry = following(
        head_of(change.session),
        log=change.log,
        at=change.now,
        actor=actor,
        action=action,
        subject=subject,
        digest=digest,
        details=details,
    )
    change.session.add(
        AuditEntryRow(
            number=entry.number,
            name=entry.name,
            at=entry.at,
            actor=entry.actor,
            action=entry.action,
            subject=entry.subject,
            digest=entry.digest,
            line=entry.to_line().decode(),
        )
    )


def note_contradiction(
    change: Change, *, actor: str, action: str, subject: str, digest: str, round_number: int
) -> None:
    """Append once that `actor` signed another document of a round than the one stored here."""
    noted = select(AuditEntryRow.number).where(
        AuditEntryRow.action == action,
        AuditEntryRow.subject == subject,
        AuditEntryRow.digest == digest,
    )
    if change.session.scalar(noted.limit(1)) is None:
        audited(
            change,
            actor=actor,
            action=action,
            subject=subject,
            digest=digest,
            details={"round": str(round_number)},
        )


def head_of(session: Session) -> Head:
    """Return the number and digest of the last entry."""
    found = session.execute(_HEAD).first()
    return Head(*found) if found else START


def audit_page(session: Session, log: str, after: int) -> AuditPage:
    """The lines after number `after`, at most PAGE of them."""
    lines = session.scalars(
        select(AuditEntryRow.line)
        .where(AuditEntryRow.number > after)
        .order_by(AuditEntryRow.number)
        .limit(PAGE)
    )
    # Lines before head: an entry added in between is then in the head only, and leaves no gap.
    found = tuple(lines)
    return AuditPage(head=audit_head(session, log), lines=found)


def audit_head(session: Session, log: str) -> AuditHead:
    number, digest = head_of(session)
    return AuditHead(log=log, number=number, digest=digest)


def filtered_entries(
    session: Session, entries: EntryFilter, limit: int, before: int | None = None
) -> list[Entry]:
    """Return the newest entries that match `entries`. Raises AuditError for an altered line."""
    query = select(AuditEntryRow.line).where(*_clauses(entries))
    if before is not None:
        query = query.where(AuditEntryRow.number < before)
    lines = session.scalars(query.order_by(AuditEntryRow.number.desc()).limit(limit))
    return [Entry.from_line(line.encode()) for line in lines]


def _clauses(entries: EntryFilter) -> list[ColumnElement[bool]]:
    """Return `EntryFilter.matches` as clauses of a query."""
    row, clauses = AuditEntryRow, list[ColumnElement[bool]]()
    if entries.actor:
        clauses.append(row.actor == line_of(entries.actor))
    if entries.action:
        clauses.append(row.action == line_of(entries.action))
    if entries.subject:
        clauses.append(row.subject.startswith(line_of(entries.subject), autoescape=True))
    if entries.digest:
        begins = line_of(entries.beginning)
        digest = row.digest.startswith(begins, autoescape=True)
        clauses.append(or_(digest, row.subject.startswith(begins, autoescape=True)))
    if entries.since is not None:
        clauses.append(row.at >= entries.since)
    if entries.until is not None:
        clauses.append(row.at <= entries.until)
    return clauses
