"""Trains: submitted by their author, visible to researchers and parties of their journeys."""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from phtlab.central.audit.log import audited
from phtlab.central.db.database import Database
from phtlab.central.db.rows import train_summary
from phtlab.central.db.tables import JourneyRow, PartyRow, TrainRow
from phtlab.central.limits.quotas import require_room
from phtlab.central.problems import forbidden, not_found
from phtlab.errors import CentralError
from phtlab.train.crypto.identity import Member
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.manifest import Train
from phtlab.train.documents.roster import Roster
from phtlab.train.verify import verify_train
from phtlab.wire.api.journeys import TrainPage, TrainSummary

MAX_TRAIN_BYTES = 2**20


def submit_train(
    database: Database, roster: Roster, sender: Member, envelope: Envelope, *, most: int
) -> tuple[TrainSummary, bool]:
    """Store a signed train; return whether it is new.

    An author may submit `most` trains a day. Raises SignatureError, NotOnRosterError or TrainError
    if the train is invalid, CentralError if it is too large, not signed by `sender`, or (``quota``)
    above the daily limit.
    """
    check_size(envelope, MAX_TRAIN_BYTES, "train statement")
    train = verify_train(envelope, roster)
    check_sender(train.author, sender, "train")
    with database.change() as change:
        row = change.session.get(TrainRow, (train.digest, train.author))
        if row is None:
            own = TrainRow.author == sender.name
            require_room(change, most, "trains", TrainRow.submitted, own)
            row = _new(train, envelope)
            row.number, row.submitted = change.tick(), change.now
            change.session.add(row)
            audited(
                change,
                actor=sender.name,
                action="train-submitted",
                subject=train.digest,
                digest=envelope.digest,
                details={"name": train.manifest.name},
            )
            return train_summary(row), True
        row.removed = None  # Pushed and submitted again after retention removed it.
        return train_summary(row), False


def visible_trains(session: Session, member: Member, limit: int, before: int | None) -> TrainPage:
    """A page of the trains that `member` wrote or has a journey of, newest first."""
    query = (
        select(TrainRow)
        .where(or_(TrainRow.author == member.name, _has_journey(member)))
        .order_by(TrainRow.number.desc())
        .limit(limit + 1)
    )
    if before is not None:
        query = query.where(TrainRow.number < before)
    rows = list(session.scalars(query))
    return TrainPage(
        trains=tuple(map(train_summary, rows[:limit])),
        next=rows[limit - 1].number if len(rows) > limit else None,
    )


def visible_train(session: Session, member: Member, digest: str) -> TrainSummary:
    """Return the train of `digest`, if `member` may dispatch it or has a journey of it.

    If several authors signed it, return the member's own; else that of one of their journeys;
    else, for a researcher, the first. Raises CentralError (``not-found``).
    """
    row = train_for(session, member, digest)
    if row is None:
        raise not_found(f"There is no train {digest} here, or not for {member.name} to see.")
    return train_summary(row)


def train_for(session: Session, member: Member, digest: str) -> TrainRow | None:
    """Return the statement about `digest` for `member`, chosen as by `visible_train`, or None."""
    own, party = TrainRow.author == member.name, _has_journey(member)
    found = select(TrainRow).where(TrainRow.digest == digest)
    # Researchers may read any train: colleagues share it by its digest.
    if "researcher" not in member.roles:
        found = found.where(or_(own, party))
    return session.scalars(
        found.order_by(own.desc(), party.desc(), TrainRow.number).limit(1)
    ).first()


def check_sender(signer: str, sender: Member, what: str) -> None:
    """Raise CentralError (``forbidden``) unless `sender` is the `signer`."""
    if signer != sender.name:
        raise forbidden(
            f"{signer} signed this {what}, but {sender.name} sends it.",
            "Whoever signed it has to send it.",
        )


def check_size(envelope: Envelope, limit: int, what: str) -> None:
    """Raise CentralError (``too-large``) if the body of `envelope` is over `limit` bytes."""
    size = len(envelope.body)
    if size > limit:
        raise CentralError(
            f"This {what} has {size:,} bytes; central takes {limit:,} at most.", code="too-large"
        )


def _has_journey(member: Member) -> ColumnElement[bool]:
    """Return the condition that `member` is a party to a journey of this statement."""
    return exists(
        select(PartyRow.member)
        .join(JourneyRow, JourneyRow.id == PartyRow.journey_id)
        .where(
            JourneyRow.train_digest == TrainRow.digest,
            JourneyRow.train_author == TrainRow.author,
            PartyRow.member == member.name,
        )
    )


def _new(train: Train, envelope: Envelope) -> TrainRow:
    return TrainRow(
        digest=train.digest,
        name=train.manifest.name,
        author=train.author,
        repository=train.repository,
        kernel=train.manifest.kernel.digest,
        kernel_name=train.manifest.kernel.name[:255],
        envelope=envelope.to_bytes().decode(),
        removed=None,
    )
