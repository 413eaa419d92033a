"""Central's log over HTTP, and what members signed of logs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from phtlab.central.api.access import Dispatcher, Reader
from phtlab.central.api.known_sender import KnownSenderRoute
from phtlab.central.api.paging import Number
from phtlab.central.audit.log import audit_head, audit_page
from phtlab.central.context import PublishedNow, ServicesOf
from phtlab.central.governance.audit_checkpoints import checkpoints_after, put_checkpoint
from phtlab.central.problems import RESPONSES
from phtlab.train.documents.envelope import Envelope
from phtlab.wire.api.audit import AuditHead, AuditPage, CheckpointPage, CheckpointView
from phtlab.wire.api.journeys import PREFIX

router = APIRouter(
    prefix=f"{PREFIX}/audit", tags=["audit"], responses=RESPONSES, route_class=KnownSenderRoute
)
LogName = Annotated[str, Query(min_length=1, max_length=200)]


@router.get("", summary="Central's log")
def log(_: Reader, services: ServicesOf, after: Number = 0) -> AuditPage:
    """All of it is for every member, since a chain can only be verified whole. It has names and
    digests, no data. At most 1000 lines; ask again after the last."""
    with services.database.read() as session:
        return audit_page(session, services.database.log, after)


@router.get("/head", summary="How far central's log goes")
def head(_: Reader, services: ServicesOf) -> AuditHead:
    """What a member signs as a checkpoint, once it has verified all up to it."""
    with services.database.read() as session:
        return audit_head(session, services.database.log)


@router.post("/checkpoints", status_code=201, summary="Sign how far a log goes")
def witness(
    envelope: Envelope, member: Dispatcher, published: PublishedNow, services: ServicesOf
) -> CheckpointView:
    """Of central's log by any member, of a station's by itself. What does not fit is refused."""
    most = services.settings.checkpoints_per_day
    return put_checkpoint(services.database, published.roster, member, envelope, most=most)


@router.get("/checkpoints", summary="What members signed of a log")
def checkpoints(_: Reader, services: ServicesOf, log: LogName, after: Number = 0) -> CheckpointPage:
    """In the order in which they came. Open each envelope with the roster."""
    with services.database.read() as session:
        return checkpoints_after(session, log, after)
