"""Tables of proposals, versions, comments, approvals, refusals, lists and acceptances."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "proposal",
        sa.Column("id", sa.String(length=18), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("researcher", sa.String(length=63), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("submitted", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawal", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal")),
    )
    op.create_index(op.f("ix_proposal_changed"), "proposal", ["changed"], unique=False)
    op.create_index(op.f("ix_proposal_researcher"), "proposal", ["researcher"], unique=False)
    op.create_table(
        "standing",
        sa.Column("station", sa.String(length=63), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("received", sa.DateTime(timezone=True), nullable=False),
        sa.Column("envelope", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("station", name=op.f("pk_standing")),
    )
    op.create_table(
        "approval",
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("station", sa.String(length=63), nullable=False),
        sa.Column("researcher", sa.String(length=63), nullable=False),
        sa.Column("proposal_id", sa.String(length=18), nullable=True),
        sa.Column("proposal", sa.String(length=71), nullable=True),
        sa.Column("submitted", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.Column("envelope", sa.Text(), nullable=False),
        sa.Column("revocation", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposal.id"], name=op.f("fk_approval_proposal_id_proposal")
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_approval")),
        sa.UniqueConstraint("number", name=op.f("uq_approval_number")),
    )
    op.create_index(op.f("ix_approval_proposal_id"), "approval", ["proposal_id"], unique=False)
    op.create_index(op.f("ix_approval_researcher"), "approval", ["researcher"], unique=False)
    op.create_index(op.f("ix_approval_station"), "approval", ["station"], unique=False)
    op.create_table(
        "proposal_comment",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("proposal_id", sa.String(length=18), nullable=False),
        sa.Column("proposal", sa.String(length=71), nullable=False),
        sa.Column("author", sa.String(length=63), nullable=False),
        sa.Column("by", sa.String(length=8), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("question", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposal.id"], name=op.f("fk_proposal_comment_proposal_id_proposal")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_proposal_comment")),
    )
    op.create_index(
        op.f("ix_proposal_comment_proposal_id"), "proposal_comment", ["proposal_id"], unique=False
    )
    op.create_table(
        "proposal_party",
        sa.Column("proposal_id", sa.String(length=18), nullable=False),
        sa.Column("member", sa.String(length=63), nullable=False),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposal.id"], name=op.f("fk_proposal_party_proposal_id_proposal")
        ),
        sa.PrimaryKeyConstraint("proposal_id", "member", name=op.f("pk_proposal_party")),
    )
    op.create_index(op.f("ix_proposal_party_member"), "proposal_party", ["member"], unique=False)
    op.create_table(
        "proposal_station",
        sa.Column("proposal_id", sa.String(length=18), nullable=False),
        sa.Column("station", sa.String(length=63), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("reviewing", sa.Boolean(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposal.id"], name=op.f("fk_proposal_station_proposal_id_proposal")
        ),
        sa.PrimaryKeyConstraint("proposal_id", "station", name=op.f("pk_proposal_station")),
    )
    op.create_table(
        "proposal_version",
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("proposal_id", sa.String(length=18), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("submitted", sa.DateTime(timezone=True), nullable=False),
        sa.Column("envelope", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposal.id"], name=op.f("fk_proposal_version_proposal_id_proposal")
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_proposal_version")),
        sa.UniqueConstraint("proposal_id", "version", name=op.f("uq_proposal_version_proposal_id")),
    )
    op.create_table(
        "refusal",
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("station", sa.String(length=63), nullable=False),
        sa.Column("proposal_id", sa.String(length=18), nullable=False),
        sa.Column("proposal", sa.String(length=71), nullable=False),
        sa.Column("submitted", sa.DateTime(timezone=True), nullable=False),
        sa.Column("envelope", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposal.id"], name=op.f("fk_refusal_proposal_id_proposal")
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_refusal")),
        sa.UniqueConstraint("number", name=op.f("uq_refusal_number")),
    )
    op.create_index(op.f("ix_refusal_proposal_id"), "refusal", ["proposal_id"], unique=False)
    op.create_table(
        "acceptance",
        sa.Column("member", sa.String(length=63), nullable=False),
        sa.Column("agreement", sa.String(length=71), nullable=False),
        sa.Column("submitted", sa.DateTime(timezone=True), nullable=False),
        sa.Column("envelope", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("member", "agreement", name=op.f("pk_acceptance")),
    )


def downgrade() -> None:
    op.drop_table("acceptance")
    op.drop_index(op.f("ix_refusal_proposal_id"), table_name="refusal")
    op.drop_table("refusal")
    op.drop_table("proposal_version")
    op.drop_table("proposal_station")
    op.drop_index(op.f("ix_proposal_party_member"), table_name="proposal_party")
    op.drop_table("proposal_party")
    op.drop_index(op.f("ix_proposal_comment_proposal_id"), table_name="proposal_comment")
    op.drop_table("proposal_comment")
    op.drop_index(op.f("ix_approval_station"), table_name="approval")
    op.drop_index(op.f("ix_approval_researcher"), table_name="approval")
    op.drop_index(op.f("ix_approval_proposal_id"), table_name="approval")
    op.drop_table("approval")
    op.drop_table("standing")
    op.drop_index(op.f("ix_proposal_researcher"), table_name="proposal")
    op.drop_index(op.f("ix_proposal_changed"), table_name="proposal")
    op.drop_table("proposal")
