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
    """Every member may read all entries, since a chain can only be verified whole.

    Entries hold names and digests, no data. At most 1000; request the next ones after the last.
    """
    with services.database.read() as session:
        return audit_page(session, services.database.log, after)


@router.get("/head", summary="The newest entry of central's log")
def head(_: Reader, services: ServicesOf) -> AuditHead:
    """A member signs this entry as a checkpoint after verifying all entries up to it."""
    with services.database.read() as session:
        return audit_head(session, services.database.log)


@router.post("/checkpoints", status_code=201, summary="Submit a checkpoint of a log")
def witness(
    envelope: Envelope, member: Dispatcher, published: PublishedNow, services: ServicesOf
) -> CheckpointView:
    """Any member signs central's log; a station signs its own.

    Central refuses a checkpoint that contradicts the log.
    """
    most = services.settings.checkpoints_per_day
    return put_checkpoint(services.database, published.roster, member, envelope, most=most)


@router.get("/checkpoints", summary="Checkpoints of a log")
def checkpoints(_: Reader, services: ServicesOf, log: LogName, after: Number = 0) -> CheckpointPage:
    """In the order of their arrival. Verify each envelope with the roster."""
    with services.database.read() as session:
        return checkpoints_after(session, log, after)
