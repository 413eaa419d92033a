"""The API's schema of central's audit log and of checkpoints, version 1."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from phtlab.train.canonical import Digest
from phtlab.train.crypto.identity import MemberName
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.moment import Moment


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AuditHead(_Model):
    """`GET /audit/head`: number and digest of the last entry of `log`; 0 for an empty log."""

    log: str
    number: int = Field(ge=0)
    digest: Digest


class AuditPage(_Model):
    """`GET /audit?after=`: the lines after that number, oldest first, and the head of the log.

    Each line is a `phtlab.governance.audit.chain.Entry` in canonical JSON, as it was written:
    readers verify the chain. There are more lines if the last is not the head's.
    """

    head: AuditHead
    lines: tuple[str, ...] = ()


class CheckpointView(_Model):
    """A signed `phtlab.governance.audit.chain.Checkpoint`. All but the envelope is for display.

    `serial` is its place in the order in which central received checkpoints.
    """

    serial: int
    digest: Digest
    number: int
    witness: MemberName
    log: str
    received: Moment
    envelope: Envelope


class CheckpointPage(_Model):
    """`GET /audit/checkpoints?log=&after=`: as received; `next` is the `after` of the next page."""

    checkpoints: tuple[CheckpointView, ...] = ()
    next: int | None = None
