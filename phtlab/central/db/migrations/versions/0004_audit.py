"""Tables of central's audit log and of signed checkpoints."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_FOUND_BY = ("at", "actor", "action", "subject", "digest")


def upgrade() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=71), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("action", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=True),
        sa.Column("line", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_entry")),
    )
    for column in _FOUND_BY:
        op.create_index(op.f(f"ix_audit_entry_{column}"), "audit_entry", [column], unique=False)
    op.create_table(
        "audit_checkpoint",
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("serial", sa.BigInteger(), nullable=False),
        sa.Column("log", sa.String(length=200), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.String(length=71), nullable=False),
        sa.Column("witness", sa.String(length=63), nullable=False),
        sa.Column("received", sa.DateTime(timezone=True), nullable=False),
        sa.Column("envelope", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_audit_checkpoint")),
        sa.UniqueConstraint("serial", name=op.f("uq_audit_checkpoint_serial")),
    )
    op.create_index(op.f("ix_audit_checkpoint_log"), "audit_checkpoint", ["log"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_audit_checkpoint_log"), table_name="audit_checkpoint")
    op.drop_table("audit_checkpoint")
    for column in reversed(_FOUND_BY):
        op.drop_index(op.f(f"ix_audit_entry_{column}"), table_name="audit_entry")
    op.drop_table("audit_entry")
