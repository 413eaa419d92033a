"""HTTP routes: trains."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from phtlab.central.api.access import Dispatcher, Reader
from phtlab.central.api.known_sender import KnownSenderRoute
from phtlab.central.api.paging import Before
from phtlab.central.context import PublishedNow, ServicesOf
from phtlab.central.journeys.trains import submit_train, visible_train, visible_trains
from phtlab.central.problems import RESPONSES
from phtlab.train.canonical import Digest
from phtlab.train.documents.envelope import Envelope
from phtlab.wire.api.journeys import PREFIX, TrainPage, TrainSummary

router = APIRouter(
    prefix=f"{PREFIX}/trains", tags=["trains"], responses=RESPONSES, route_class=KnownSenderRoute
)


@router.post("", status_code=201, summary="Submit a signed train")
def submit(
    envelope: Envelope,
    member: Dispatcher,
    published: PublishedNow,
    services: ServicesOf,
    response: Response,
) -> TrainSummary:
    """Only its author may. Answers 201 for a new train, 200 for a known one."""
    most = services.settings.trains_per_day
    summary, new = submit_train(services.database, published.roster, member, envelope, most=most)
    response.status_code = 201 if new else 200
    return summary


@router.get("", summary="Trains of the member")
def mine(
    member: Reader,
    services: ServicesOf,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
    before: Before = None,
) -> TrainPage:
    """The trains that the member wrote or has a journey of, newest first."""
    with services.database.read() as session:
        return visible_trains(session, member, limit, before)


@router.get("/{digest}", summary="A train")
def read_train(digest: Digest, member: Reader, services: ServicesOf) -> TrainSummary:
    """For researchers, and for parties of a journey of it. `removed`: when central removed it."""
    with services.database.read() as session:
        return visible_train(session, member, digest)
