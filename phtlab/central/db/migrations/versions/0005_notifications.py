"""Tables of notifications, preferences and deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notification_preference",
        sa.Column("member", sa.String(length=63), nullable=False),
        sa.Column("preferences", sa.Text(), nullable=False),
        sa.Column("secret", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("member", name=op.f("pk_notification_preference")),
    )
    op.create_table(
        "notification",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("member", sa.String(length=63), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read", sa.Boolean(), nullable=False),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_notification")),
        sa.UniqueConstraint("member", "key", name=op.f("uq_notification_member")),
    )
    op.create_index(op.f("ix_notification_member"), "notification", ["member"], unique=False)
    op.create_index(op.f("ix_notification_at"), "notification", ["at"], unique=False)
    op.create_table(
        "notification_delivery",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["number"],
            ["notification.number"],
            name=op.f("fk_notification_delivery_number_notification"),
        ),
        sa.PrimaryKeyConstraint("number", "channel", name=op.f("pk_notification_delivery")),
    )
    op.create_index(
        "ix_notification_delivery_state_due",
        "notification_delivery",
        ["state", "due"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index("ix_notification_delivery_state_due", table_name="notification_delivery")
    op.drop_table("notification_delivery")
    op.drop_index(op.f("ix_notification_at"), table_name="notification")
    op.drop_index(op.f("ix_notification_member"), table_name="notification")
    op.drop_table("notification")
    op.drop_table("notification_preference")
