"""Columns of an approval: what it allows, why not the study's own trains, and its signing keys."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_APPROVAL = sa.table(
    "approval",
    sa.column("digest", sa.String()),
    sa.column("envelope", sa.Text()),
    sa.column("keys", sa.Text()),
)


def upgrade() -> None:
    for name, kind in (("allows", sa.String(200)), ("lacks", sa.Text()), ("keys", sa.Text())):
        op.add_column("approval", sa.Column(name, kind, nullable=False, server_default=""))
    session = op.get_bind()
    # Older rows get no texts, since their envelopes hold them; lists need the keys at once.
    for digest, envelope in session.execute(sa.select(_APPROVAL.c.digest, _APPROVAL.c.envelope)):
        keys = sorted(signature["keyid"] for signature in json.loads(envelope)["signatures"])
        statement = sa.update(_APPROVAL).where(_APPROVAL.c.digest == digest)
        session.execute(statement.values(keys=" ".join(keys)))


def downgrade() -> None:
    for column in ("keys", "lacks", "allows"):
        op.drop_column("approval", column)
