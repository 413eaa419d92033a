"""Tables of central's audit log and of signed checkpoints."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from phtlab.central.db.tables import Table


class AuditEntryRow(Table):
    """An entry of the log: `line` is authoritative, the other columns are for searching."""

    __tablename__ = "audit_entry"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(71))
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(String(200), index=True)
    action: Mapped[str] = mapped_column(String(200), index=True)
    subject: Mapped[str] = mapped_column(String(200), index=True)
    digest: Mapped[str | None] = mapped_column(String(71), index=True)
    line: Mapped[str] = mapped_column(Text)


class CheckpointRow(Table):
    """A signed checkpoint: `witness` saw that the log `log` had the entry `head` at `number`."""

    __tablename__ = "audit_checkpoint"
    digest: Mapped[str] = mapped_column(String(71), primary_key=True)
    serial: Mapped[int] = mapped_column(unique=True)
    log: Mapped[str] = mapped_column(String(200), index=True)
    number: Mapped[int]
    head: Mapped[str] = mapped_column(String(71))
    witness: Mapped[str] = mapped_column(String(63))
    received: Mapped[datetime]
    envelope: Mapped[str] = mapped_column(Text)
