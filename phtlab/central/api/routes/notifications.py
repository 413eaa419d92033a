"""HTTP routes: a member's notifications and preferences."""

from __future__ import annotations

from fastapi import APIRouter

from phtlab.central.api.access import Reader
from phtlab.central.api.known_sender import KnownSenderRoute
from phtlab.central.context import ServicesOf
from phtlab.central.delivery.preferences import notifications_of, read_up_to, set_preferences
from phtlab.central.problems import RESPONSES
from phtlab.wire.api.journeys import PREFIX
from phtlab.wire.api.notifications import NewPreferences, NotificationsView, ReadUpTo

router = APIRouter(
    prefix=f"{PREFIX}/notifications",
    tags=["notifications"],
    responses=RESPONSES,
    route_class=KnownSenderRoute,
)


@router.get("", summary="Notifications of the member")
def mine(member: Reader, services: ServicesOf) -> NotificationsView:
    """The newest first, at most 100, and the member's preferences."""
    with services.database.read() as session:
        return notifications_of(session, services, member.name)


@router.put("", summary="Set notification preferences")
def chosen(new: NewPreferences, member: Reader, services: ServicesOf) -> NotificationsView:
    """Replaces the preferences. The answer holds the webhook's secret once, if it is new."""
    return set_preferences(services, member, new)


@router.put("/read", summary="Mark notifications as read")
def read(up_to: ReadUpTo, member: Reader, services: ServicesOf) -> NotificationsView:
    """Marks all notifications up to this number as read."""
    read_up_to(services.database, member.name, up_to.number)
    with services.database.read() as session:
        return notifications_of(session, services, member.name)
