"""The API's schema for what a person is told of, and how: version 1.

Nothing in it is about data or people: it says that something waits, and where.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from phtlab.strict_model import StrictModel
from phtlab.train.documents.moment import Moment

Event = Literal[
    "proposal-waits",
    "proposal-said",
    "proposal-decided",
    "approval-revoked",
    "train-waits",
    "journey-done",
    "stop-contradicted",
    "roster-published",
    "log-doubted",
]
Channel = Literal["page", "mail", "webhook"]

SENTENCES: Final[dict[Event, str]] = {
    "proposal-waits": "A decision waits for you on proposal {subject}.",
    "proposal-said": "Proposal {subject} has a new comment.",
    "proposal-decided": "A station has decided on your proposal {subject}.",
    "approval-revoked": "A station revoked an approval: {subject}.",
    "train-waits": "A train waits for a person at your station: journey {subject}.",
    "journey-done": "Your journey {subject} has ended at all its stations.",
    "stop-contradicted": "A station signed two different records of journey {subject}. Do not rely "
    "on its results until the station's operator confirms which record is valid.",
    "roster-published": "The officers have published {subject}.",
    "log-doubted": "A checkpoint of an audit log that {subject} signed contradicts what central "
    "has.",
}
"""What is said of each event, to a person, on every channel."""

EVENTS: Final = tuple(SENTENCES)
Address = Annotated[
    str, StringConstraints(max_length=254, pattern=r"^([^\s@<>,;:\"\\]+@[A-Za-z0-9.-]+)?$")
]


class Preferences(StrictModel):
    """Where a person is told of what. An event that is not named is told on the page only.

    `mail` and `webhook` are empty for none.
    """

    mail: Address = ""
    webhook: str = Field("", max_length=500)
    events: dict[Event, tuple[Channel, ...]] = Field(default_factory=dict)

    def channels(self, event: Event) -> tuple[Channel, ...]:
        """How a person is told of `event`: as chosen, where there is an address for it."""
        enabled = {"page": True, "mail": bool(self.mail), "webhook": bool(self.webhook)}
        return tuple(
            channel
            for channel in dict.fromkeys(self.events.get(event, ("page",)))
            if enabled[channel]
        )


class NewPreferences(StrictModel):
    """`PUT /notifications`. With `new_secret`, the webhook is signed with another secret."""

    preferences: Preferences
    new_secret: bool = False


class DeliveryView(StrictModel):
    """How far a mail or a call of a webhook is."""

    channel: Channel
    state: Literal["waiting", "sent", "failed"]
    tries: int
    reason: str = ""


class Notification(StrictModel):
    """One thing that a person is told. `link` is empty if central has no page for it."""

    number: int
    event: Event
    sentence: str
    subject: str
    link: str
    at: Moment
    read: bool
    deliveries: tuple[DeliveryView, ...] = ()


class NotificationsView(StrictModel):
    """`GET` and `PUT /notifications`: the newest first, and how one is told.

    `secret` is there once: in the answer to the change that made it.
    """

    preferences: Preferences
    mail_sent: bool
    unread: int
    notifications: tuple[Notification, ...] = ()
    secret: str | None = None


class ReadUpTo(StrictModel):
    """`PUT /notifications/read`: all up to this number have been read."""

    number: int = Field(ge=0, le=2**63 - 1)
