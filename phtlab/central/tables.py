"""What central keeps. Envelopes are kept as they came; nothing here is a secret or a result."""

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
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import JSON, TypeDecorator


class Moment(TypeDecorator[datetime]):
    """A moment in UTC. SQLite keeps no time zone, so it is put back on reading."""

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
    """The one counter of changes. Its row lock puts all changes in one order."""

    __tablename__ = "clock"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int]


class TrainRow(Table):
    """What an author signed of an image. Others may have signed the same image, or say so."""

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
    removed: Mapped[datetime | None]

    train: Mapped[TrainRow] = relationship(lazy="joined")
    stops: Mapped[list[StopRow]] = relationship(
        back_populates="journey", order_by="StopRow.number", lazy="selectin"
    )
    parties: Mapped[list[PartyRow]] = relationship(cascade="all, delete-orphan")


class PartyRow(Table):
    """Who may see a journey: its researcher, its recipients, its stations."""

    __tablename__ = "party"
    journey_id: Mapped[str] = mapped_column(ForeignKey("journey.id"), primary_key=True)
    member: Mapped[str] = mapped_column(String(63), primary_key=True, index=True)
    opens: Mapped[bool] = mapped_column(default=False)


class StopRow(Table):
    """`offered` is the number of the change that the station last had to learn; 0: not its turn."""

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

    journey: Mapped[JourneyRow] = relationship(back_populates="stops")


class EventRow(Table):
    __tablename__ = "event"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    journey_id: Mapped[str] = mapped_column(ForeignKey("journey.id"), index=True)
    at: Mapped[datetime]
    body: Mapped[str] = mapped_column(Text)


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
