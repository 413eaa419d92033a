"""Central's periodic tasks: renew the timestamp, close untaken stops, delete what is old."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import delete, select
from starlette.concurrency import run_in_threadpool

from phtlab.central.context import CentralContext
from phtlab.central.db.tables import EventRow, JourneyRow, StopRow
from phtlab.central.delivery.preferences import forget_notifications
from phtlab.central.journeys.journeys import close
from phtlab.central.retention import remove_expired
from phtlab.errors import PhtlabError

# By then, a station that took the order in time has reported it.
GRACE: Final = timedelta(days=1)
_log = structlog.get_logger("phtlab.central")


async def run_housekeeping(services: CentralContext) -> None:
    """Run all tasks again and again, until cancelled. A failed task waits for the next round."""
    while True:
        for chore in (
            renew_timestamp,
            close_expired,
            forget_events,
            forget_notifications,
            remove_expired,
        ):
            await run_in_threadpool(_attempt, chore, services)
        await asyncio.sleep(services.settings.housekeeping_seconds)


def renew_timestamp(services: CentralContext) -> None:
    """Renew the roster's timestamp, before it expires and stations reject the roster."""
    if services.publication.renew():
        _log.info("timestamp-renewed")


def close_expired(services: CentralContext) -> int:
    """Close the stops that no station took before their order expired; return how many."""
    database = services.database
    due = (
        select(StopRow)
        .join(JourneyRow, JourneyRow.id == StopRow.journey_id)
        .where(
            StopRow.final.is_(False),
            StopRow.state == "offered",
            JourneyRow.expires < database.clock() - GRACE,
        )
    )
    with database.read() as session:
        if session.scalars(due.limit(1)).first() is None:
            return 0
    with database.change() as change:
        stops = list(change.session.scalars(due))
        for stop in stops:
            sentence = f"{stop.station} did not take the order before it expired."
            close(change, stop.journey, stop, "order-expired", sentence)
        return len(stops)


def forget_events(services: CentralContext) -> None:
    """Delete events so old that no stream resumes from them."""
    with services.database.note() as session:
        before = services.clock() - timedelta(days=services.settings.event_days)
        session.execute(delete(EventRow).where(EventRow.at < before))


def _attempt(chore: Callable[[CentralContext], object], services: CentralContext) -> None:
    try:
        chore(services)
    except PhtlabError as error:
        _log.warning("chore", name=chore.__name__, code=error.code, reason=str(error))
    except Exception as error:
        _log.error("chore", name=chore.__name__, error=type(error).__name__, exc_info=error)
