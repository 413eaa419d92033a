"""Journeys that continue an earlier one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("journey") as journey:
        journey.add_column(sa.Column("continues", sa.String(71), nullable=True))
        journey.create_unique_constraint("uq_journey_continues", ["continues"])


def downgrade() -> None:
    with op.batch_alter_table("journey") as journey:
        journey.drop_constraint("uq_journey_continues", type_="unique")
        journey.drop_column("continues")
