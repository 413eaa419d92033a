"""The API's schema for central's log and for what others saw of logs: version 1."""

from __future__ import annotations

from pydantic import Field

from phtlab.strict_model import StrictModel
from phtlab.train.canonical import Digest
from phtlab.train.crypto.identity import MemberName
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.moment import Moment


class AuditHead(StrictModel):
    """`GET /audit/head`: how far the log `log` goes. `number` is 0 for an empty one."""

    log: str
    number: int = Field(ge=0)
    digest: Digest


class AuditPage(StrictModel):
    """`GET /audit?after=`: the lines after that number, oldest first, and how far the log goes.

    Each line is a `phtlab.governance.audit.chain.Entry` in canonical JSON, as it was written:
    whoever reads it verifies that they are a chain. There are more if the last is not the head's.
    """

    head: AuditHead
    lines: tuple[str, ...] = ()


class CheckpointView(StrictModel):
    """A signed `phtlab.governance.audit.chain.Checkpoint`. All but the envelope is for display.

    `serial` is its place in the order in which they came.
    """

    serial: int
    digest: Digest
    number: int
    witness: MemberName
    log: str
    received: Moment
    envelope: Envelope


class CheckpointPage(StrictModel):
    """`GET /audit/checkpoints?log=&after=`: as they came; `next` is the `after` of the rest."""

    checkpoints: tuple[CheckpointView, ...] = ()
    next: int | None = None
