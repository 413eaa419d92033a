"""HTTP routes: journeys, their stops and their events."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse

from phtlab.central.api.access import Dispatcher, Reader, SenderOf, StationMember
from phtlab.central.api.event_streams import stream_events
from phtlab.central.api.known_sender import KnownSenderRoute
from phtlab.central.api.paging import Before
from phtlab.central.context import PublishedNow, ServicesOf
from phtlab.central.db.rows import journey_view
from phtlab.central.journeys.journeys import (
    cancel,
    submit_journey,
    visible_journey,
    visible_journeys,
)
from phtlab.central.journeys.stops import put_record, update_stop
from phtlab.central.problems import RESPONSES
from phtlab.train.canonical import Digest
from phtlab.train.crypto.identity import MemberName
from phtlab.train.documents.envelope import Envelope
from phtlab.wire.api.journeys import PREFIX, JourneyList, JourneyView, StopUpdate, StopView

router = APIRouter(
    prefix=PREFIX, tags=["journeys"], responses=RESPONSES, route_class=KnownSenderRoute
)
LastEventId = Annotated[str, Header(description="The number of the last event already seen")]
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {}}, "description": "Events, as they happen"}
}


@router.post("/journeys", status_code=201, summary="Submit a signed order")
def submit(
    envelope: Envelope,
    member: Dispatcher,
    published: PublishedNow,
    services: ServicesOf,
    response: Response,
) -> JourneyView:
    """Only its researcher may. The stations receive the order at once.

    Answers 201 for a new journey, 200 for a known one.
    """
    most = services.settings.journeys_per_day
    view, new = submit_journey(services.database, published.roster, member, envelope, most=most)
    response.status_code = 201 if new else 200
    return view


@router.get("/journeys", summary="Journeys of the member")
def mine(
    member: Reader,
    services: ServicesOf,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Before = None,
) -> JourneyList:
    """Journeys that the member ordered, may open or is a station of; newest first."""
    with services.database.read() as session:
        return visible_journeys(session, member, limit, before)


@router.get("/journeys/{journey}", summary="A journey, with its stops and their records")
def read_journey(journey: Digest, member: Reader, services: ServicesOf) -> JourneyView:
    """For its researcher, recipients and stations. `removed`: when central removed its cargo."""
    with services.database.read() as session:
        return journey_view(visible_journey(session, member, journey))


@router.post("/journeys/{journey}/cancel", summary="Cancel a journey")
def stop(journey: Digest, member: Dispatcher, services: ServicesOf) -> JourneyView:
    """Only its researcher may. Stations receive it at once and sign a stop record."""
    return cancel(services.database, member, journey)


@router.get("/journeys/{journey}/events", summary="Events of a journey", responses=_STREAM)
def events(
    journey: Digest,
    member: Reader,
    sender: SenderOf,
    services: ServicesOf,
    last_event_id: LastEventId = "0",
) -> StreamingResponse:
    """Server-sent events `stop`, each with its number as id; resume with `Last-Event-ID`.

    An event `end` marks the end of the journey. A comment every 15 seconds keeps the stream open.
    """
    with services.database.read() as session:
        visible_journey(session, member, journey)
    return stream_events(services, sender, member, last_event_id, journey)


@router.get("/events", summary="Events of the member's journeys", responses=_STREAM)
def all_events(
    member: Reader, sender: SenderOf, services: ServicesOf, last_event_id: LastEventId = "0"
) -> StreamingResponse:
    """Events as for one journey, without an end, and events `stations` and `proposals`.

    An event `stations`, without a number, holds all stations as `GET /stations` does. An event
    `proposals` holds the number of the last change to the member's proposals. Both come first, and
    again after each change.
    """
    return stream_events(services, sender, member, last_event_id, None)


@router.patch("/journeys/{journey}/stops/{station}", summary="Report a stop's progress")
def update(
    journey: Digest,
    station: MemberName,
    change: StopUpdate,
    member: StationMember,
    published: PublishedNow,
    services: ServicesOf,
) -> StopView:
    """Only the station may. A final stop does not change."""
    most = services.settings.updates_per_day
    roster = published.roster
    return update_stop(services.database, roster, member, journey, station, change, most=most)


@router.put("/journeys/{journey}/stops/{station}/record", summary="Deliver a stop record")
def record(
    journey: Digest,
    station: MemberName,
    envelope: Envelope,
    member: StationMember,
    published: PublishedNow,
    services: ServicesOf,
) -> StopView:
    """Only the station may, once. The record makes the stop final."""
    return put_record(services.database, published.roster, member, journey, station, envelope)
