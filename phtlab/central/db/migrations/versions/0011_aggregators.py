"""Journeys whose rounds an aggregator combines, and reports that come with instructions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("journey") as journey:
        journey.add_column(sa.Column("aggregator", sa.String(length=63), nullable=True))
        journey.add_column(
            sa.Column("rounds_finishing", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    with op.batch_alter_table("instruction") as instruction:
        instruction.add_column(sa.Column("report", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("instruction") as instruction:
        instruction.drop_column("report")
    with op.batch_alter_table("journey") as journey:
        journey.drop_column("rounds_finishing")
        journey.drop_column("aggregator")
