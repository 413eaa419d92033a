"""Values for the template of the notifications page, for one hub user."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from phtlab.central.api.access import Requester
from phtlab.central.context import CentralContext
from phtlab.central.delivery.preferences import notifications_of
from phtlab.central.hub.users import READ
from phtlab.central.pages.page import since
from phtlab.central.pages.proposals import form_token
from phtlab.wire.api.notifications import NotificationsView, Preferences

_CLASSES: Final = {"waiting": "in-review", "sent": "approved", "failed": "refused"}


@dataclass(frozen=True)
class NotificationPage:
    """A member's notifications; only this session's form knows `token`."""

    consortium: str
    user: str
    hub_url: str
    now: datetime
    member: bool
    notifications: NotificationsView
    token: str
    classes = _CLASSES

    @property
    def sent(self) -> bool:
        """Whether any notification has a delivery by mail or webhook."""
        return any(notification.deliveries for notification in self.notifications.notifications)

    def since(self, moment: datetime) -> str:
        return since(moment, self.now)


def notification_page(
    services: CentralContext, sender: Requester, session_token: str
) -> NotificationPage:
    """Build the page with the notifications of `sender`."""
    sender.require(READ)
    notifications = NotificationsView(preferences=Preferences(), mail_sent=False, unread=0)
    if sender.member is not None:
        with services.database.read() as session:
            notifications = notifications_of(session, services, sender.name)
    return NotificationPage(
        consortium=services.settings.name,
        user=sender.name,
        hub_url=services.settings.hub_url,
        now=services.clock(),
        member=sender.member is not None,
        notifications=notifications,
        token=form_token(session_token, "notifications"),
    )
