"""Sends what is due: claimed by one replica at a time, tried again later if it does not arrive.

A claim is a transaction of its own, in the one order of changes, and ends by itself: what a
replica had claimed when it died is sent by another. So a notification is sent once, unless its
sender dies between sending and saying so; then its name (`Due.name`) tells the receiver.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from phtlab.central.notification import TOPIC, preferences_of
from phtlab.central.notification_due import Due, Undelivered
from phtlab.central.notification_mail import send_mail
from phtlab.central.notification_tables import DeliveryRow, PreferenceRow
from phtlab.central.notification_view import link_of, sentence_of
from phtlab.central.notification_webhook import call_webhook
from phtlab.central.services import Services
from phtlab.central.settings import CentralSettings
from phtlab.errors import PhtlabError

CLAIM: Final = timedelta(minutes=2)
MAX_TRIES: Final = 10
_FIRST: Final = timedelta(seconds=30)
_LONGEST: Final = timedelta(hours=6)
_BATCH: Final = 20
_AT_ONCE: Final = 4
_log = structlog.get_logger("phtlab.central")


async def keep_sending(services: Services) -> None:
    """Send what is due, as soon as it is and again and again, until cancelled."""
    with services.news.subscribe(TOPIC, inside=True) as news:
        while True:
            more = await run_in_threadpool(_attempt, services)
            if not more:
                await news.wait(services.settings.notification_seconds)
                if services.news.closed:
                    return


def send_due(services: Services) -> int:
    """Send what is due now, at most a batch; how many were tried."""
    claimed = claim(services)
    if claimed:
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="notification") as pool:
            list(pool.map(lambda due: _send(services, due), claimed))
    return len(claimed)


def claim(services: Services) -> list[Due]:
    """What is due now, so that nobody else takes it until CLAIM is over."""
    due = select(DeliveryRow).where(
        DeliveryRow.state == "waiting", DeliveryRow.due <= services.clock()
    )
    with services.database.read() as session:
        if session.scalars(due.limit(1)).first() is None:
            return []
    with services.database.change() as change:
        rows = change.session.scalars(due.order_by(DeliveryRow.due).limit(_BATCH)).all()
        taken = [_due(change.session, services.settings, row) for row in rows]
        for row in rows:
            row.due, row.tries = change.now + CLAIM, row.tries + 1
        return taken


def _send(services: Services, due: Due) -> None:
    try:
        if not getattr(due.preferences, due.channel):
            raise Undelivered("there is no such address any more", final=True)
        if due.channel == "mail":
            send_mail(due, services.settings)
        else:
            call_webhook(due, services.settings, services.clock())
    except Undelivered as failed:
        _later(services, due, failed)
    # Everything else would end the others of this batch, and be tried for ever.
    except Exception as defect:
        _log.error("notification", number=due.number, error=type(defect).__name__)
        _later(services, due, Undelivered("a defect of central"))
    else:
        with services.database.note() as session:
            row = session.get(DeliveryRow, (due.number, due.channel))
            if row is not None:
                row.state, row.reason = "sent", ""


def _later(services: Services, due: Due, failed: Undelivered) -> None:
    tries = due.tries + 1
    over = failed.final or tries >= MAX_TRIES
    _log.warning("notification", number=due.number, channel=due.channel, reason=failed.reason)
    with services.database.note() as session:
        row = session.get(DeliveryRow, (due.number, due.channel))
        if row is not None:
            row.state, row.reason = "failed" if over else "waiting", failed.reason
            row.due = services.clock() + wait_after(tries)


def wait_after(tries: int) -> timedelta:
    """How long until the next try: twice as long each time."""
    longer: timedelta = _FIRST * 2 ** min(tries - 1, 20)
    return min(_LONGEST, longer)


def _due(session: Session, settings: CentralSettings, row: DeliveryRow) -> Due:
    told = row.notification
    preference = session.get(PreferenceRow, told.member)
    event = told.event
    return Due(
        number=row.number,
        channel=row.channel,  # type: ignore[arg-type]
        tries=row.tries,
        event=event,  # type: ignore[arg-type]
        subject=told.subject,
        sentence=sentence_of(event, told.subject),  # type: ignore[arg-type]
        link=link_of(settings, told.subject),
        at=told.at,
        preferences=preferences_of(session, told.member),
        secret=preference.secret if preference else "",
    )


def _attempt(services: Services) -> int:
    try:
        return send_due(services)
    except PhtlabError as error:
        _log.warning("notifications wait", code=error.code, reason=error.message)
    except Exception as error:
        _log.error("notifications wait", error=type(error).__name__, exc_info=error)
    return 0
