"""A member's notifications and preferences."""

from __future__ import annotations

import base64
import secrets
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from phtlab.central.context import CentralContext
from phtlab.central.db.database import Database
from phtlab.central.notifications.outbox import preferences_of
from phtlab.central.notifications.tables import DeliveryRow, NotificationRow, PreferenceRow
from phtlab.central.settings import CentralSettings
from phtlab.errors import CentralError
from phtlab.train.crypto.identity import Member
from phtlab.wire.api.notifications import (
    SENTENCES,
    DeliveryView,
    Event,
    NewPreferences,
    Notification,
    NotificationsView,
)

_LISTED: Final = 100


def set_preferences(
    services: CentralContext, member: Member, new: NewPreferences
) -> NotificationsView:
    """Store how `member` wants to be notified.

    Raises CentralError: ``notification-mail`` if this central sends no mail,
    ``notification-webhook`` for an address that central does not call.
    """
    preferences = new.preferences
    if preferences.mail and not services.settings.smtp_host:
        raise CentralError(
            "This central sends no mail.",
            "Leave 'mail' empty, or ask its operator to set smtp_host.",
            code="notification-mail",
        )
    if preferences.webhook:
        require_webhook(preferences.webhook, services.settings)
    made = None
    with services.database.change() as change:
        row = change.session.get(PreferenceRow, member.name) or PreferenceRow(
            member=member.name, secret=""
        )
        if preferences.webhook and (new.new_secret or not row.secret):
            made = row.secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        row.preferences = preferences.model_dump_json()
        change.session.add(row)
        change.session.flush()
        view = notifications_of(change.session, services, member.name)
    return view.model_copy(update={"secret": made})


def require_webhook(url: str, settings: CentralSettings) -> None:
    """Raise CentralError (``notification-webhook``) unless central may call `url`."""
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0 and not parts.username
    except ValueError:
        usable = False
    schemes = ("https", "http") if settings.webhook_private else ("https",)
    if not usable or parts.scheme not in schemes or not url.isprintable() or " " in url:
        raise CentralError(
            "A webhook is called at an address that begins with https://, with a host's name and "
            "without a password.",
            "Give an address of this form.",
            code="notification-webhook",
        )


def notifications_of(session: Session, services: CentralContext, member: str) -> NotificationsView:
    """Return the notifications of `member`, newest first, and the preferences."""
    rows = session.scalars(
        select(NotificationRow)
        .where(NotificationRow.member == member, NotificationRow.shown.is_(True))
        .order_by(NotificationRow.number.desc())
        .limit(_LISTED)
    ).all()
    unread = select(func.count()).where(
        NotificationRow.member == member,
        NotificationRow.shown.is_(True),
        NotificationRow.read.is_(False),
    )
    return NotificationsView(
        preferences=preferences_of(session, member),
        mail_sent=bool(services.settings.smtp_host),
        unread=session.scalar(unread) or 0,
        notifications=tuple(_view(row, services.settings) for row in rows),
    )


def read_up_to(database: Database, member: str, number: int) -> None:
    """Mark the notifications of `member` up to `number` as read."""
    with database.note() as session:
        session.execute(
            update(NotificationRow)
            .where(NotificationRow.member == member, NotificationRow.number <= number)
            .values(read=True)
        )


def forget_notifications(services: CentralContext) -> None:
    """Delete notifications older than `event_days`, as events are."""
    before = services.clock() - timedelta(days=services.settings.event_days)
    old = select(NotificationRow.number).where(NotificationRow.at < before)
    with services.database.note() as session:
        session.execute(delete(DeliveryRow).where(DeliveryRow.number.in_(old)))
        session.execute(delete(NotificationRow).where(NotificationRow.at < before))


def sentence_of(event: Event, subject: str) -> str:
    """Return the sentence of a notification, with a digest shortened to 12 characters."""
    short = subject.removeprefix("sha256:")[:12] if subject.startswith("sha256:") else subject
    return SENTENCES[event].format(subject=short)


def link_of(settings: CentralSettings, subject: str) -> str:
    """Return the page of central that shows `subject`, or "" without public pages."""
    if not settings.public_url:
        return ""
    page = f"proposals/{subject}" if subject.startswith("p-") else "notifications"
    return f"{settings.public_url}/{page}"


def _view(row: NotificationRow, settings: CentralSettings) -> Notification:
    event: Event = row.event  # type: ignore[assignment]
    return Notification(
        number=row.number,
        event=event,
        sentence=sentence_of(event, row.subject),
        subject=row.subject,
        link=link_of(settings, row.subject),
        at=row.at,
        read=row.read,
        deliveries=tuple(
            DeliveryView.model_validate(delivery, from_attributes=True)
            for delivery in row.deliveries
        ),
    )
