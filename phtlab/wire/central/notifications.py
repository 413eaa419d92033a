"""Client of a member's notifications and preferences: `CentralClient.notifications`."""

from __future__ import annotations

from phtlab.wire.api.notifications import NewPreferences, NotificationsView, Preferences, ReadUpTo
from phtlab.wire.central.answer import parsed
from phtlab.wire.central.governance import SendRequest


class NotificationClient:
    """Every method raises what the methods of `CentralClient` raise."""

    def __init__(self, send: SendRequest) -> None:
        self._send = send

    def get(self) -> NotificationsView:
        return parsed(NotificationsView, self._send("GET", "/notifications"))

    def put(self, preferences: Preferences, *, new_secret: bool = False) -> NotificationsView:
        """Set the preferences. The answer has the webhook's secret if it is new.

        Raises CentralError (``notification-mail``, ``notification-webhook``) for a channel that
        this central does not support.
        """
        new = NewPreferences(preferences=preferences, new_secret=new_secret)
        content = new.model_dump_json().encode()
        return parsed(NotificationsView, self._send("PUT", "/notifications", content=content))

    def read(self, number: int) -> NotificationsView:
        """Mark all notifications up to `number` as read."""
        content = ReadUpTo(number=number).model_dump_json().encode()
        return parsed(NotificationsView, self._send("PUT", "/notifications/read", content=content))
