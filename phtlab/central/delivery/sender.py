"""Delivery of due notifications: one replica at a time claims each, and failures are retried.

A claim is its own transaction, in the one order of changes, and expires: if the claiming replica
dies, another one sends. So a notification is sent once, unless its sender dies between sending
and recording that; then the receiver recognises the duplicate by `DueDelivery.name`.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from phtlab.central.context import CentralContext
from phtlab.central.delivery.due import DueDelivery, Undelivered
from phtlab.central.delivery.mail import send_mail
from phtlab.central.delivery.preferences import link_of, sentence_of
from phtlab.central.delivery.webhook import call_webhook
from phtlab.central.notifications.outbox import TOPIC, preferences_of
from phtlab.central.notifications.tables import DeliveryRow, NotificationRow, PreferenceRow
from phtlab.central.settings import CentralSettings
from phtlab.errors import PhtlabError

CLAIM: Final = timedelta(minutes=2)
MAX_TRIES: Final = 10
_FIRST: Final = timedelta(seconds=30)
_LONGEST: Final = timedelta(hours=6)
AT_ONCE: Final = 20
MOST_OF_A_MEMBER: Final = 4
"""Limit on concurrent deliveries to one member."""
_FULL: Final = 1.0
"""Seconds between checks for a free place, while AT_ONCE deliveries are running."""
_log = structlog.get_logger("phtlab.central")


async def keep_sending(services: CentralContext) -> None:
    """Send notifications as soon as they are due, until cancelled.

    Cancelling abandons running deliveries: their claims expire, and another replica sends them.
    """
    going = Deliveries(services)
    with services.bus.subscribe(TOPIC, inside=True) as changes:
        while True:
            started = await run_in_threadpool(_attempt, going)
            if not started or going.free == 0:
                seconds = services.settings.notification_seconds
                await changes.wait(seconds if going.free else min(seconds, _FULL))
                if services.bus.closed:
                    return


class Deliveries:
    """Running deliveries, each in its own thread, so that none delays another or the shutdown.

    Each ends by itself. The limit per member keeps a slow webhook from delaying other members.
    """

    def __init__(self, services: CentralContext) -> None:
        self._services = services
        self._members: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def free(self) -> int:
        with self._lock:
            return AT_ONCE - self._members.total()

    def start_due(self) -> int:
        """Start the due deliveries that the limits allow; return how many."""
        with self._lock:
            busy = [name for name, count in self._members.items() if count >= MOST_OF_A_MEMBER]
        free = self.free
        claimed = claim(self._services, most=free, busy=busy) if free else []
        for due in claimed:
            with self._lock:
                self._members[due.member] += 1
            name = f"notification-{due.number}"
            threading.Thread(target=self._deliver, args=(due,), name=name, daemon=True).start()
        return len(claimed)

    def _deliver(self, due: DueDelivery) -> None:
        try:
            _send(self._services, due)
        except Exception as error:  # the claim expires, then a retry follows
            _log.error("notification", number=due.number, error=type(error).__name__)
        finally:
            with self._lock:
                self._members[due.member] -= 1


def claim(
    services: CentralContext, *, most: int = AT_ONCE, busy: Iterable[str] = ()
) -> list[DueDelivery]:
    """Claim due deliveries, so that no other replica takes them until CLAIM has passed.

    At most `most`, at most MOST_OF_A_MEMBER per member, and none of the members in `busy`.
    """
    place = func.row_number().over(
        partition_by=NotificationRow.member, order_by=(DeliveryRow.due, DeliveryRow.number)
    )
    waiting = (
        select(DeliveryRow.number, DeliveryRow.channel, place.label("place"))
        .join(NotificationRow, NotificationRow.number == DeliveryRow.number)
        .where(
            DeliveryRow.state == "waiting",
            DeliveryRow.due <= services.clock(),
            NotificationRow.member.not_in(list(busy)),
        )
        .subquery()
    )
    due = (
        select(DeliveryRow)
        .join(
            waiting,
            and_(waiting.c.number == DeliveryRow.number, waiting.c.channel == DeliveryRow.channel),
        )
        .where(waiting.c.place <= MOST_OF_A_MEMBER)
        .order_by(DeliveryRow.due)
    )
    with services.database.read() as session:
        if session.scalars(due.limit(1)).first() is None:
            return []
    with services.database.change() as change:
        rows = change.session.scalars(due.limit(most)).all()
        claimed = [_due(change.session, services.settings, row) for row in rows]
        for row in rows:
            row.due, row.tries = change.now + CLAIM, row.tries + 1
        return claimed


def _send(services: CentralContext, due: DueDelivery) -> None:
    try:
        if not getattr(due.preferences, due.channel):
            raise Undelivered("there is no such address any more", final=True)
        if due.channel == "mail":
            send_mail(due, services.settings)
        else:
            call_webhook(due, services.settings, services.clock())
    except Undelivered as failed:
        _later(services, due, failed)
    # Uncaught, any other error would leave the delivery waiting, to be retried for ever.
    except Exception as defect:
        _log.error("notification", number=due.number, error=type(defect).__name__)
        _later(services, due, Undelivered("a defect of central"))
    else:
        with services.database.note() as session:
            row = session.get(DeliveryRow, (due.number, due.channel))
            if row is not None:
                row.state, row.reason = "sent", ""


def _later(services: CentralContext, due: DueDelivery, failed: Undelivered) -> None:
    tries = due.tries + 1
    over = failed.final or tries >= MAX_TRIES
    _log.warning("notification", number=due.number, channel=due.channel, reason=failed.reason)
    with services.database.note() as session:
        row = session.get(DeliveryRow, (due.number, due.channel))
        if row is not None:
            row.state, row.reason = "failed" if over else "waiting", failed.reason
            row.due = services.clock() + retry_delay(tries)


def retry_delay(tries: int) -> timedelta:
    """Return the delay before the next try, which doubles each time."""
    longer: timedelta = _FIRST * 2 ** min(tries - 1, 20)
    return min(_LONGEST, longer)


def _due(session: Session, settings: CentralSettings, row: DeliveryRow) -> DueDelivery:
    notification = row.notification
    preference = session.get(PreferenceRow, notification.member)
    event = notification.event
    return DueDelivery(
        number=row.number,
        member=notification.member,
        channel=row.channel,  # type: ignore[arg-type]
        tries=row.tries,
        event=event,  # type: ignore[arg-type]
        subject=notification.subject,
        sentence=sentence_of(event, notification.subject),  # type: ignore[arg-type]
        link=link_of(settings, notification.subject),
        at=notification.at,
        preferences=preferences_of(session, notification.member),
        secret=preference.secret if preference else "",
    )


def _attempt(going: Deliveries) -> int:
    try:
        return going.start_due()
    except PhtlabError as error:
        _log.warning("notifications wait", code=error.code, reason=str(error))
    except Exception as error:
        _log.error("notifications wait", error=type(error).__name__, exc_info=error)
    return 0
