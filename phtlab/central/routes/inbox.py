"""A station's inbox over HTTP, as a long poll."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool

from phtlab.central import news
from phtlab.central.access import StationMember
from phtlab.central.inbox import inbox_cursor, inbox_of
from phtlab.central.problems import RESPONSES
from phtlab.central.services import Services, ServicesOf
from phtlab.central.stations import seen
from phtlab.wire.api import Inbox
from phtlab.wire.central import MAX_WAIT_SECONDS

router = APIRouter(tags=["stations"], responses=RESPONSES)


@router.get("/inbox", summary="What waits for this station")
async def inbox(
    member: StationMember,
    services: ServicesOf,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="The last cursor seen")] = 0,
    wait: Annotated[float, Query(ge=0, description="Seconds to wait for news")] = 0.0,
) -> Inbox:
    """All unfinished stops whose turn it is, as soon as the cursor is another than `after`.

    Without news it answers after `wait` seconds, 50 at most, with the same
    stops. Asking makes the station seen.
    """
    await run_in_threadpool(seen, services.database, member.name, services.online)
    deadline = time.monotonic() + min(wait, MAX_WAIT_SECONDS)
    with services.news.subscribe(news.of_station(member.name)) as subscription:
        while await run_in_threadpool(_cursor, services, member.name) == after:
            left = deadline - time.monotonic()
            if left <= 0 or services.news.closed:
                break
            await subscription.wait(min(left, services.settings.poll_seconds))
    return await run_in_threadpool(_inbox, services, member.name)


def _cursor(services: Services, station: str) -> int:
    with services.database.read() as session:
        return inbox_cursor(session, station)


def _inbox(services: Services, station: str) -> Inbox:
    with services.database.read() as session:
        return inbox_of(session, station)
