"""Instructions and records of rounds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("journey") as journey:
        journey.add_column(sa.Column("round_number", sa.BigInteger(), nullable=True))
        journey.add_column(
            sa.Column("rounds_ended", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    with op.batch_alter_table("stop") as stop:
        stop.add_column(sa.Column("round_number", sa.BigInteger(), nullable=True))
    with op.batch_alter_table("event") as event:
        event.add_column(sa.Column("rounds", sa.Text(), nullable=True))
    op.create_table(
        "instruction",
        sa.Column("journey_id", sa.String(length=71), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("ends", sa.Boolean(), nullable=False),
        sa.Column("submitted", sa.DateTime(timezone=True), nullable=False),
        sa.Column("envelope", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["journey_id"], ["journey.id"], name=op.f("fk_instruction_journey_id_journey")
        ),
        sa.PrimaryKeyConstraint("journey_id", "number", name=op.f("pk_instruction")),
    )
    op.create_table(
        "round_record",
        sa.Column("journey_id", sa.String(length=71), nullable=False),
        sa.Column("station", sa.String(length=63), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("submitted", sa.DateTime(timezone=True), nullable=False),
        sa.Column("envelope", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["journey_id"], ["journey.id"], name=op.f("fk_round_record_journey_id_journey")
        ),
        sa.PrimaryKeyConstraint("journey_id", "station", "number", name=op.f("pk_round_record")),
        sa.UniqueConstraint("journey_id", "cursor", name=op.f("uq_round_record_journey_id")),
    )


def downgrade() -> None:
    op.drop_table("round_record")
    op.drop_table("instruction")
    with op.batch_alter_table("event") as event:
        event.drop_column("rounds")
    with op.batch_alter_table("stop") as stop:
        stop.drop_column("round_number")
    with op.batch_alter_table("journey") as journey:
        journey.drop_column("rounds_ended")
        journey.drop_column("round_number")
