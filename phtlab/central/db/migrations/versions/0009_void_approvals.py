"""Approvals in version 1 of their format are void: they get no keys, which no station has."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_VOID = "https://phtlab.org/approval/v1"
_APPROVAL = sa.table(
    "approval",
    sa.column("digest", sa.String()),
    sa.column("envelope", sa.Text()),
    sa.column("keys", sa.Text()),
)


def upgrade() -> None:
    for digest, _ in _of_version_1():
        _write_keys(digest, "")


def downgrade() -> None:
    for digest, keys in _of_version_1():
        _write_keys(digest, keys)


def _of_version_1() -> Iterator[tuple[str, str]]:
    """Yield the digest of each such approval, and the ids of the keys that signed it."""
    rows = op.get_bind().execute(sa.select(_APPROVAL.c.digest, _APPROVAL.c.envelope)).all()
    for digest, text in rows:
        envelope = json.loads(text)
        statement = json.loads(base64.b64decode(envelope["payload"]))
        if statement["predicateType"] == _VOID:
            yield digest, " ".join(sorted(s["keyid"] for s in envelope["signatures"]))


def _write_keys(digest: str, keys: str) -> None:
    statement = sa.update(_APPROVAL).where(_APPROVAL.c.digest == digest)
    op.get_bind().execute(statement.values(keys=keys))
