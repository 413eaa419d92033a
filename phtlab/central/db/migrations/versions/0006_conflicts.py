"""A column for a second record of a stop, which contradicts the first one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("stop", sa.Column("conflict", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("stop", "conflict")
