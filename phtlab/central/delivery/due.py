"""A mail or webhook call to make now, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from phtlab.wire.api.notifications import Channel, Event, Preferences


@dataclass(frozen=True)
class DueDelivery:
    """A notification to send to `member` on `channel`, after `tries` earlier attempts."""

    number: int
    member: str
    channel: Channel
    tries: int
    event: Event
    subject: str
    sentence: str
    link: str
    at: datetime
    preferences: Preferences
    secret: str = field(repr=False)

    @property
    def name(self) -> str:
        """An id that each retry repeats, so that the receiver can recognise a duplicate."""
        return f"notification-{self.number}"


class Undelivered(Exception):  # noqa: N818 (what became of it; nobody's error)
    """A delivery failed. `final`: no retry can succeed."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.final = final
