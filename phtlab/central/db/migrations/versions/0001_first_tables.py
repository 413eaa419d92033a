"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "clock",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock")),
    )
    op.create_table(
        "publication",
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name=op.f("pk_publication")),
    )
    op.create_table(
        "station",
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=True),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_station")),
    )
    op.create_table(
        "train",
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("author", sa.String(length=63), nullable=False),
        sa.Column("repository", sa.String(length=255), nullable=False),
        sa.Column("kernel", sa.String(length=71), nullable=False),
        sa.Column("kernel_name", sa.String(length=255), nullable=False),
        sa.Column("submitted", sa.DateTime(timezone=True), nullable=False),
        sa.Column("envelope", sa.Text(), nullable=False),
        sa.Column("removed", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_train")),
        sa.UniqueConstraint("number", name=op.f("uq_train_number")),
    )
    op.create_index(op.f("ix_train_author"), "train", ["author"], unique=False)
    op.create_table(
        "twin",
        sa.Column("station", sa.String(length=63), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("station", "name", name=op.f("pk_twin")),
    )
    op.create_table(
        "journey",
        sa.Column("id", sa.String(length=71), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("train_digest", sa.String(length=71), nullable=False),
        sa.Column("route", sa.String(length=16), nullable=False),
        sa.Column("researcher", sa.String(length=63), nullable=False),
        sa.Column("submitted", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.Column("order_envelope", sa.Text(), nullable=False),
        sa.Column("removed", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["train_digest"], ["train.digest"], name=op.f("fk_journey_train_digest_train")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journey")),
        sa.UniqueConstraint("number", name=op.f("uq_journey_number")),
    )
    op.create_index(op.f("ix_journey_researcher"), "journey", ["researcher"], unique=False)
    op.create_index(op.f("ix_journey_submitted"), "journey", ["submitted"], unique=False)
    op.create_index(op.f("ix_journey_train_digest"), "journey", ["train_digest"], unique=False)
    op.create_table(
        "event",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("journey_id", sa.String(length=71), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["journey_id"], ["journey.id"], name=op.f("fk_event_journey_id_journey")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_event")),
    )
    op.create_index(op.f("ix_event_journey_id"), "event", ["journey_id"], unique=False)
    op.create_table(
        "party",
        sa.Column("journey_id", sa.String(length=71), nullable=False),
        sa.Column("member", sa.String(length=63), nullable=False),
        sa.Column("opens", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["journey_id"], ["journey.id"], name=op.f("fk_party_journey_id_journey")
        ),
        sa.PrimaryKeyConstraint("journey_id", "member", name=op.f("pk_party")),
    )
    op.create_index(op.f("ix_party_member"), "party", ["member"], unique=False)
    op.create_table(
        "stop",
        sa.Column("journey_id", sa.String(length=71), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("station", sa.String(length=63), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("offered", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.Column("cell", sa.BigInteger(), nullable=True),
        sa.Column("cells", sa.BigInteger(), nullable=True),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=False),
        sa.Column("record", sa.Text(), nullable=True),
        sa.Column("record_digest", sa.String(length=71), nullable=True),
        sa.ForeignKeyConstraint(
            ["journey_id"], ["journey.id"], name=op.f("fk_stop_journey_id_journey")
        ),
        sa.PrimaryKeyConstraint("journey_id", "number", name=op.f("pk_stop")),
    )
    op.create_index(op.f("ix_stop_station"), "stop", ["station"], unique=False)
    # The one row whose lock puts all changes in one order.
    op.execute("INSERT INTO clock (id, number) VALUES (1, 0)")


def downgrade() -> None:
    op.drop_index(op.f("ix_stop_station"), table_name="stop")
    op.drop_table("stop")
    op.drop_index(op.f("ix_party_member"), table_name="party")
    op.drop_table("party")
    op.drop_index(op.f("ix_event_journey_id"), table_name="event")
    op.drop_table("event")
    op.drop_index(op.f("ix_journey_train_digest"), table_name="journey")
    op.drop_index(op.f("ix_journey_submitted"), table_name="journey")
    op.drop_index(op.f("ix_journey_researcher"), table_name="journey")
    op.drop_table("journey")
    op.drop_table("twin")
    op.drop_index(op.f("ix_train_author"), table_name="train")
    op.drop_table("train")
    op.drop_table("station")
    op.drop_table("publication")
    op.drop_table("clock")
