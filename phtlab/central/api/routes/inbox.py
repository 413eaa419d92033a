"""HTTP route: a station's inbox, as a long poll."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from phtlab.central.api.access import StationMember
from phtlab.central.api.known_sender import KnownSenderRoute
from phtlab.central.api.long_poll import long_poll
from phtlab.central.api.paging import LARGEST
from phtlab.central.changes import bus
from phtlab.central.context import CentralContext, ServicesOf
from phtlab.central.inbox import inbox_json
from phtlab.central.journeys.stations import note_seen
from phtlab.central.problems import RESPONSES
from phtlab.wire.api.journeys import PREFIX, Inbox

router = APIRouter(
    prefix=PREFIX, tags=["stations"], responses=RESPONSES, route_class=KnownSenderRoute
)


@router.get("/inbox", summary="Unfinished stops of this station", response_model=Inbox)
async def inbox(
    request: Request,
    member: StationMember,
    services: ServicesOf,
    after: Annotated[int, Query(ge=0, le=LARGEST, description="The last cursor seen")] = 0,
    wait: Annotated[float, Query(ge=0, description="Seconds to wait for a change")] = 0.0,
) -> Response:
    """All unfinished stops whose turn has come, as soon as the cursor differs from `after`.

    If nothing changes, answers after `wait` seconds, 50 at most, with the same stops. Each request
    marks the station as seen.
    """
    read, first = (
        partial(each, services, member.name, after) for each in (_changed_inbox, _first_read)
    )
    topic = bus.of_station(member.name)
    return await long_poll(services, request, topic, wait, read, first=first)


def _first_read(services: CentralContext, station: str, after: int, over: bool) -> str | None:
    note_seen(services.database, station, services.online)
    return _changed_inbox(services, station, after, over)


def _changed_inbox(services: CentralContext, station: str, after: int, over: bool) -> str | None:
    """Return the inbox of `station` as JSON; None if nothing changed and the time is not `over`.

    Serialized in the thread, not on the event loop: a thousand stations poll every 25 seconds.
    """
    with services.database.reading() as connection:
        return inbox_json(connection, station, None if over else after)
