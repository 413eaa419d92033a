"""A mail or a call that is to be made now, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from phtlab.wire.api.notifications import Channel, Event, Preferences


@dataclass(frozen=True)
class DueDelivery:
    """What is to be sent to `member` on which `channel`; it was tried `tries` times before."""

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
        """The same each time that it is tried: whoever gets it twice can tell."""
        return f"notification-{self.number}"


class Undelivered(Exception):  # noqa: N818 (what became of it; nobody's error)
    """It did not arrive. `final`: it never will."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.final = final
