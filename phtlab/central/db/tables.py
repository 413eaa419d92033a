"""Tables of central: envelopes as received, no secrets and no results."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    false,
    select,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    MappedSQLExpression,
    column_property,
    mapped_column,
    relationship,
)
from sqlalchemy.types import JSON, TypeDecorator

from phtlab.train.crypto.identity import Member


class Moment(TypeDecorator[datetime]):
    """A time in UTC. SQLite stores no time zone, so reading adds UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Table(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: Moment(),
        dict[str, Any]: JSON(),
        int: BigInteger(),
    }


class ClockRow(Table):
    """The single counter of changes. Its row lock puts all changes in one order."""

    __tablename__ = "clock"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int]


class TrainRow(Table):
    """An author's signed statement of an image. Others may have signed the same image."""

    __tablename__ = "train"
    digest: Mapped[str] = mapped_column(String(71), primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(String(63))
    author: Mapped[str] = mapped_column(String(63), primary_key=True, index=True)
    repository: Mapped[str] = mapped_column(String(255))
    kernel: Mapped[str] = mapped_column(String(71))
    kernel_name: Mapped[str] = mapped_column(String(255))
    submitted: Mapped[datetime]
    envelope: Mapped[str] = mapped_column(Text)
    removed: Mapped[datetime | None]


class JourneyRow(Table):
    """A journey. `round_number` is its newest round; None on another route than one of rounds.

    `aggregator` is the member that combines its rounds, if its order names one; `rounds_finishing`
    says that the researcher asked it to end them.
    """

    __tablename__ = "journey"
    __table_args__ = (
        ForeignKeyConstraint(["train_digest", "train_author"], ["train.digest", "train.author"]),
    )
    id: Mapped[str] = mapped_column(String(71), primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    train_digest: Mapped[str] = mapped_column(String(71), index=True)
    train_author: Mapped[str] = mapped_column(String(63))
    route: Mapped[str] = mapped_column(String(16))
    researcher: Mapped[str] = mapped_column(String(63), index=True)
    submitted: Mapped[datetime] = mapped_column(index=True)
    expires: Mapped[datetime]
    cancelled: Mapped[bool] = mapped_column(default=False)
    order: Mapped[str] = mapped_column("order_envelope", Text)
    continues: Mapped[str | None] = mapped_column(String(71), unique=True)
    round_number: Mapped[int | None]
    rounds_ended: Mapped[bool] = mapped_column(default=False, server_default=false())
    rounds_finishing: Mapped[bool] = mapped_column(default=False, server_default=false())
    aggregator: Mapped[str | None] = mapped_column(String(63))
    removed: Mapped[datetime | None]
    continued_by: ClassVar[MappedSQLExpression[str | None]]  # the journey that continues it

    train: Mapped[TrainRow] = relationship(lazy="joined")
    stops: Mapped[list[StopRow]] = relationship(
        back_populates="journey", order_by="StopRow.number", lazy="selectin"
    )
    parties: Mapped[list[PartyRow]] = relationship(cascade="all, delete-orphan")

    def is_combined_by(self, member: Member) -> bool:
        return is_combined_by(self.aggregator, member)


def is_combined_by(aggregator: str | None, member: Member) -> bool:
    """Return whether `member` is a journey's `aggregator`, and has that role now."""
    return aggregator == member.name and "aggregator" in member.roles


_later = JourneyRow.__table__.alias()
JourneyRow.continued_by = column_property(
    select(_later.c.id).where(_later.c.continues == JourneyRow.id).scalar_subquery()
)


class PartyRow(Table):
    """A member who may see a journey: its researcher, a recipient or a member with a stop."""

    __tablename__ = "party"
    journey_id: Mapped[str] = mapped_column(ForeignKey("journey.id"), primary_key=True)
    member: Mapped[str] = mapped_column(String(63), primary_key=True, index=True)
    opens: Mapped[bool] = mapped_column(default=False)


class StopRow(Table):
    """A stop. `offered`: number of the last change that its station must read; 0: not its turn.

    `conflict` is the first record of the station that contradicts `record`. `round_number` is the
    newest round of which central has the station's record.
    """

    __tablename__ = "stop"
    journey_id: Mapped[str] = mapped_column(ForeignKey("journey.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    station: Mapped[str] = mapped_column(String(63), index=True)
    state: Mapped[str] = mapped_column(String(16))
    final: Mapped[bool] = mapped_column(default=False)
    offered: Mapped[int] = mapped_column(default=0)
    code: Mapped[str] = mapped_column(String(64), default="")
    sentence: Mapped[str] = mapped_column(Text, default="")
    error: Mapped[dict[str, Any] | None]
    cell: Mapped[int | None]
    cells: Mapped[int | None]
    updated: Mapped[datetime]
    record: Mapped[str | None] = mapped_column(Text)
    record_digest: Mapped[str | None] = mapped_column(String(71))
    conflict: Mapped[str | None] = mapped_column(Text)
    round_number: Mapped[int | None]

    journey: Mapped[JourneyRow] = relationship(back_populates="stops")


class InstructionRow(Table):
    """The signed instruction of a round. `payload` are its sealed values, if they came with it.

    Central keeps the newest values of a journey only: a station that is late starts with those. It
    keeps each `report`, which is sealed to the recipients.
    """

    __tablename__ = "instruction"
    journey_id: Mapped[str] = mapped_column(ForeignKey("journey.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(String(71))
    ends: Mapped[bool]
    submitted: Mapped[datetime]
    envelope: Mapped[str] = mapped_column(Text)
    payload: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    report: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)


class RoundRow(Table):
    """A station's signed record of a round. `payload` is its sealed update, if it came with it.

    `cursor` is the number of the change that stored it, `size` the bytes of its payload.
    """

    __tablename__ = "round_record"
    __table_args__ = (UniqueConstraint("journey_id", "cursor"),)
    journey_id: Mapped[str] = mapped_column(ForeignKey("journey.id"), primary_key=True)
    station: Mapped[str] = mapped_column(String(63), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    cursor: Mapped[int]
    digest: Mapped[str] = mapped_column(String(71))
    submitted: Mapped[datetime]
    envelope: Mapped[str] = mapped_column(Text)
    size: Mapped[int]
    payload: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)


class EventRow(Table):
    """A change: `body` is a stop, and `rounds` how far the rounds are, where they went on."""

    __tablename__ = "event"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    journey_id: Mapped[str] = mapped_column(ForeignKey("journey.id"), index=True)
    at: Mapped[datetime]
    body: Mapped[str] = mapped_column(Text)
    rounds: Mapped[str | None] = mapped_column(Text)


class StationRow(Table):
    __tablename__ = "station"
    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    last_seen: Mapped[datetime | None]
    profile: Mapped[str] = mapped_column(Text, default="{}")


class TwinRow(Table):
    __tablename__ = "twin"
    station: Mapped[str] = mapped_column(String(63), primary_key=True)
    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    digest: Mapped[str] = mapped_column(String(71))
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


class PublicationRow(Table):
    """A file of the published TUF repository; `kind` is ``metadata`` or ``targets``."""

    __tablename__ = "publication"
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    changed: Mapped[int]


class ProposalRow(Table):
    """A proposal at its newest version. `changed` is the number of its last change."""

    __tablename__ = "proposal"
    id: Mapped[str] = mapped_column(String(18), primary_key=True)
    changed: Mapped[int] = mapped_column(index=True)
    researcher: Mapped[str] = mapped_column(String(63), index=True)
    title: Mapped[str] = mapped_column(String(200))
    digest: Mapped[str] = mapped_column(String(71))
    submitted: Mapped[datetime]
    updated: Mapped[datetime]
    until: Mapped[datetime]
    withdrawal: Mapped[str | None] = mapped_column(Text)

    versions: Mapped[list[ProposalVersionRow]] = relationship(
        order_by="ProposalVersionRow.version", lazy="selectin"
    )
    stations: Mapped[list[ProposalStationRow]] = relationship(
        order_by="ProposalStationRow.number", lazy="selectin", cascade="all, delete-orphan"
    )
    comments: Mapped[list[ProposalCommentRow]] = relationship(
        order_by="ProposalCommentRow.number", lazy="selectin"
    )
    approvals: Mapped[list[ApprovalRow]] = relationship(
        order_by="ApprovalRow.number", lazy="selectin"
    )
    refusals: Mapped[list[RefusalRow]] = relationship(order_by="RefusalRow.number", lazy="selectin")


class ProposalVersionRow(Table):
    __tablename__ = "proposal_version"
    __table_args__ = (UniqueConstraint("proposal_id", "version"),)
    digest: Mapped[str] = mapped_column(String(71), primary_key=True)
    proposal_id: Mapped[str] = mapped_column(ForeignKey("proposal.id"))
    version: Mapped[int]
    submitted: Mapped[datetime]
    envelope: Mapped[str] = mapped_column(Text)


class ProposalPartyRow(Table):
    """A member who may see a proposal: its researcher, or a station that any version named."""

    __tablename__ = "proposal_party"
    proposal_id: Mapped[str] = mapped_column(ForeignKey("proposal.id"), primary_key=True)
    member: Mapped[str] = mapped_column(String(63), primary_key=True, index=True)


class ProposalStationRow(Table):
    """A station that the newest version names, in its order, and its progress, for display."""

    __tablename__ = "proposal_station"
    proposal_id: Mapped[str] = mapped_column(ForeignKey("proposal.id"), primary_key=True)
    station: Mapped[str] = mapped_column(String(63), primary_key=True)
    number: Mapped[int]
    reviewing: Mapped[bool] = mapped_column(default=False)
    question: Mapped[str] = mapped_column(Text, default="")
    updated: Mapped[datetime]


class ProposalCommentRow(Table):
    __tablename__ = "proposal_comment"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    proposal_id: Mapped[str] = mapped_column(ForeignKey("proposal.id"), index=True)
    proposal: Mapped[str] = mapped_column(String(71))
    author: Mapped[str] = mapped_column(String(63))
    by: Mapped[str] = mapped_column(String(8))
    at: Mapped[datetime]
    text: Mapped[str] = mapped_column(Text)
    question: Mapped[bool] = mapped_column(default=False)


class ApprovalRow(Table):
    """An approval that a station signed, and its revocation. `proposal` is the version's digest.

    `allows` is what may start under it, `lacks` why the study's own trains may not, both as text;
    `keys` are the sorted ids of the signing keys. All three are derived from the envelope.
    """

    __tablename__ = "approval"
    digest: Mapped[str] = mapped_column(String(71), primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    station: Mapped[str] = mapped_column(String(63), index=True)
    researcher: Mapped[str] = mapped_column(String(63), index=True)
    proposal_id: Mapped[str | None] = mapped_column(ForeignKey("proposal.id"), index=True)
    proposal: Mapped[str | None] = mapped_column(String(71))
    submitted: Mapped[datetime]
    expires: Mapped[datetime]
    allows: Mapped[str] = mapped_column(String(200), server_default="")
    lacks: Mapped[str] = mapped_column(Text, server_default="")
    keys: Mapped[str] = mapped_column(Text, server_default="")
    envelope: Mapped[str] = mapped_column(Text)
    revocation: Mapped[str | None] = mapped_column(Text)


class RefusalRow(Table):
    __tablename__ = "refusal"
    digest: Mapped[str] = mapped_column(String(71), primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    station: Mapped[str] = mapped_column(String(63))
    proposal_id: Mapped[str] = mapped_column(ForeignKey("proposal.id"), index=True)
    proposal: Mapped[str] = mapped_column(String(71))
    submitted: Mapped[datetime]
    envelope: Mapped[str] = mapped_column(Text)


class ActiveApprovalsRow(Table):
    """A station's newest list of active approvals."""

    __tablename__ = "standing"
    station: Mapped[str] = mapped_column(String(63), primary_key=True)
    number: Mapped[int]
    digest: Mapped[str] = mapped_column(String(71))
    received: Mapped[datetime]
    envelope: Mapped[str] = mapped_column(Text)


class AcceptanceRow(Table):
    """A member's acceptance of the consortium's agreement, by the digest of its text."""

    __tablename__ = "acceptance"
    member: Mapped[str] = mapped_column(String(63), primary_key=True)
    agreement: Mapped[str] = mapped_column(String(71), primary_key=True)
    submitted: Mapped[datetime]
    envelope: Mapped[str] = mapped_column(Text)
