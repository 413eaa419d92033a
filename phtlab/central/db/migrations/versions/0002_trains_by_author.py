"""Trains by author: several authors may each sign a statement of one image."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_FIRST = "fk_journey_train_digest_train"


def upgrade() -> None:
    with op.batch_alter_table("journey") as journey:
        journey.drop_constraint(_FIRST, type_="foreignkey")
        journey.add_column(
            sa.Column("train_author", sa.String(length=63), nullable=False, server_default="")
        )
    op.execute(
        "UPDATE journey SET train_author = "
        "(SELECT author FROM train WHERE train.digest = journey.train_digest)"
    )
    with op.batch_alter_table("train") as train:
        train.drop_constraint("pk_train", type_="primary")
        train.create_primary_key("pk_train", ["digest", "author"])
    with op.batch_alter_table("journey") as journey:
        journey.alter_column("train_author", server_default=None)
        journey.create_foreign_key(
            _FIRST, "train", ["train_digest", "train_author"], ["digest", "author"]
        )


def downgrade() -> None:
    with op.batch_alter_table("journey") as journey:
        journey.drop_constraint(_FIRST, type_="foreignkey")
    with op.batch_alter_table("train") as train:
        train.drop_constraint("pk_train", type_="primary")
        train.create_primary_key("pk_train", ["digest"])
    with op.batch_alter_table("journey") as journey:
        journey.drop_column("train_author")
        journey.create_foreign_key(_FIRST, "train", ["train_digest"], ["digest"])
