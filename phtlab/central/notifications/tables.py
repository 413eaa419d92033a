"""Tables of notifications, preferences and deliveries."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from phtlab.central.db.tables import Table


class PreferenceRow(Table):
    """A member's preferences. `secret` signs webhook calls: it is no secret of a study."""

    __tablename__ = "notification_preference"
    member: Mapped[str] = mapped_column(String(63), primary_key=True)
    preferences: Mapped[str] = mapped_column(Text)
    secret: Mapped[str] = mapped_column(String(100), default="")


class NotificationRow(Table):
    """A notification of `member`. `key` identifies its cause, so that nobody gets it twice."""

    __tablename__ = "notification"
    __table_args__ = (UniqueConstraint("member", "key"),)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    member: Mapped[str] = mapped_column(String(63), index=True)
    key: Mapped[str] = mapped_column(String(200))
    event: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(index=True)
    read: Mapped[bool] = mapped_column(default=False)
    shown: Mapped[bool] = mapped_column(default=True)

    deliveries: Mapped[list[DeliveryRow]] = relationship(
        lazy="selectin", cascade="all, delete-orphan", back_populates="notification"
    )


class DeliveryRow(Table):
    """A mail or webhook call to make at `due`. A sender that claims it moves `due` forward."""

    __tablename__ = "notification_delivery"
    __table_args__ = (Index("ix_notification_delivery_state_due", "state", "due"),)
    number: Mapped[int] = mapped_column(ForeignKey("notification.number"), primary_key=True)
    channel: Mapped[str] = mapped_column(String(8), primary_key=True)
    state: Mapped[str] = mapped_column(String(8), default="waiting")
    due: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(String(200), default="")

    notification: Mapped[NotificationRow] = relationship(back_populates="deliveries", lazy="joined")
