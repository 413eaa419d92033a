"""Checkpoints of logs that members signed: stored if they match the log, else refused."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from phtlab.central.audit.log import PAGE, audited
from phtlab.central.audit.tables import AuditEntryRow, CheckpointRow
from phtlab.central.db.database import Change, Database
from phtlab.central.db.rows import envelope_of
from phtlab.central.journeys.trains import check_sender, check_size
from phtlab.central.limits.quotas import require_room
from phtlab.central.notifications.outbox import notify, officers
from phtlab.central.problems import forbidden
from phtlab.errors import AuditError
from phtlab.governance.audit.chain import Checkpoint, open_checkpoint
from phtlab.governance.text import line_of
from phtlab.train.crypto.identity import Member
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.roster import Roster
from phtlab.wire.api.audit import CheckpointPage, CheckpointView

MAX_CHECKPOINT_BYTES: Final = 16 * 1024


def put_checkpoint(
    database: Database, roster: Roster, sender: Member, envelope: Envelope, *, most: int
) -> CheckpointView:
    """Store what `sender` signed of central's log, or of its own; at most `most` a day.

    Central keeps the newest checkpoint of each witness and entry, signed with current keys: all of
    them state the same. It notifies officers of a contradiction once a day and sender. So a member
    cannot fill the database by signing again and again.

    Raises SignatureError, NotOnRosterError or AuditError if the checkpoint is invalid, AuditError
    (``audit-unfit``) if it contradicts what central stores, CentralError (``forbidden``, or
    ``quota`` above the daily limit).
    """
    check_size(envelope, MAX_CHECKPOINT_BYTES, "checkpoint")
    checkpoint = open_checkpoint(envelope, roster)
    check_sender(checkpoint.witness, sender, "checkpoint")
    try:
        return _keep(database, sender, checkpoint, envelope, most)
    except AuditError:
        with database.change() as change:
            day = f"{change.now:%Y-%m-%d}"
            notify(change, "log-doubted", officers(roster), sender.name, about=day)
        raise


def _keep(
    database: Database, sender: Member, checkpoint: Checkpoint, envelope: Envelope, most: int
) -> CheckpointView:
    with database.change() as change:
        session = change.session
        row = session.get(CheckpointRow, envelope.digest)
        if row is not None:
            return _view(row)
        own = CheckpointRow.witness == sender.name
        require_room(change, most, "signed ends of logs", CheckpointRow.received, own)
        if checkpoint.log == change.log:
            _require_fit(session, checkpoint)
        elif checkpoint.log == sender.name and sender.has_stops:
            _require_onward(session, checkpoint)
        else:
            raise forbidden(
                f"{sender.name} may sign how far central's log goes and, as a station, its "
                f"own; not the log '{checkpoint.log}'."
            )
        before = session.scalar(
            select(CheckpointRow).where(
                CheckpointRow.witness == checkpoint.witness,
                CheckpointRow.log == checkpoint.log,
                CheckpointRow.number == checkpoint.number,
            )
        )
        if before is not None:
            session.delete(before)
            session.flush()
        elif checkpoint.log != change.log:
            audited(
                change,
                actor=sender.name,
                action="station-head",
                subject=checkpoint.log,
                digest=checkpoint.head,
                details={"number": str(checkpoint.number)},
            )
        return _view(_row(change, checkpoint, envelope))


def checkpoints_after(session: Session, log: str, after: int) -> CheckpointPage:
    """Return checkpoints of `log` with a serial over `after`, in the order received."""
    rows = session.scalars(
        select(CheckpointRow)
        .where(CheckpointRow.log == line_of(log), CheckpointRow.serial > after)
        .order_by(CheckpointRow.serial)
        .limit(PAGE)
    ).all()
    more = rows[-1].serial if len(rows) == PAGE else None
    return CheckpointPage(checkpoints=tuple(map(_view, rows)), next=more)


def _require_fit(session: Session, checkpoint: Checkpoint) -> None:
    """Raise AuditError unless central's log has the entry that `checkpoint` names."""
    name = session.scalar(
        select(AuditEntryRow.name).where(AuditEntryRow.number == checkpoint.number)
    )
    if name != checkpoint.head:
        raise AuditError(
            f"{checkpoint.witness} signed that entry {checkpoint.number} of central's log is "
            f"{checkpoint.head[:19]}…; here it {'is another' if name else 'does not exist'}.",
            "One of them was changed: keep both, and tell an officer.",
            code="audit-unfit",
        )


def _require_onward(session: Session, checkpoint: Checkpoint) -> None:
    """Raise AuditError if a station's log is shorter than it signed before, or differs."""
    last = session.scalars(
        select(CheckpointRow)
        .where(CheckpointRow.log == checkpoint.log)
        .order_by(CheckpointRow.number.desc())
        .limit(1)
    ).first()
    if last is None or checkpoint.number > last.number:
        return
    if (checkpoint.number, checkpoint.head) != (last.number, last.head):
        raise AuditError(
            f"{checkpoint.log} signed at {last.received:%Y-%m-%d %H:%M} UTC that its log goes as "
            f"far as entry {last.number}; now it signs entry {checkpoint.number} as its end.",
            "Entries were removed or written anew: restore the log from the station's backup.",
            code="audit-unfit",
        )


def _row(change: Change, checkpoint: Checkpoint, envelope: Envelope) -> CheckpointRow:
    newest = change.session.scalar(select(func.max(CheckpointRow.serial))) or 0
    row = CheckpointRow(
        digest=envelope.digest,
        serial=newest + 1,
        log=checkpoint.log,
        number=checkpoint.number,
        head=checkpoint.head,
        witness=checkpoint.witness,
        received=change.now,
        envelope=envelope.to_bytes().decode(),
    )
    change.session.add(row)
    return row


def _view(row: CheckpointRow) -> CheckpointView:
    return CheckpointView(
        serial=row.serial,
        digest=row.digest,
        number=row.number,
        witness=row.witness,
        log=row.log,
        received=row.received,
        envelope=envelope_of(row.envelope),
    )
