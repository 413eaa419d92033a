"""The API's schema of notifications and preferences, version 1.

A notification holds nothing about data or people: only that something waits, and where.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

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
    "proposal-said": "Somebody has said something of proposal {subject}.",
    "proposal-decided": "A station has decided on your proposal {subject}.",
    "approval-revoked": "A station revoked an approval: {subject}.",
    "train-waits": "A train waits for a person at your station: journey {subject}.",
    "journey-done": "Your journey {subject} has ended at all of its stations.",
    "stop-contradicted": "A station signed two different records of journey {subject}. Do not rely "
    "on its results before its operator says which one counts.",
    "roster-published": "The officers have published {subject}.",
    "log-doubted": "What {subject} signed of an audit log does not fit what central has.",
}
"""The sentence for each event, the same on every channel."""

EVENTS: Final = tuple(SENTENCES)
Address = Annotated[
    str, StringConstraints(max_length=254, pattern=r"^([^\s@<>,;:\"\\]+@[A-Za-z0-9.-]+)?$")
]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Preferences(_Model):
    """Channels for each event. Events without an entry appear on the page only.

    Empty `mail` or `webhook`: none.
    """

    mail: Address = ""
    webhook: str = Field("", max_length=500)
    events: dict[Event, tuple[Channel, ...]] = Field(default_factory=dict)

    def channels(self, event: Event) -> tuple[Channel, ...]:
        """Return the channels for `event`: those chosen, where there is an address."""
        enabled = {"page": True, "mail": bool(self.mail), "webhook": bool(self.webhook)}
        return tuple(
            channel
            for channel in dict.fromkeys(self.events.get(event, ("page",)))
            if enabled[channel]
        )


class NewPreferences(_Model):
    """`PUT /notifications`. With `new_secret`, central makes a new secret to sign webhook calls."""

    preferences: Preferences
    new_secret: bool = False


class DeliveryView(_Model):
    """State of a delivery by mail or webhook."""

    channel: Channel
    state: Literal["waiting", "sent", "failed"]
    tries: int
    reason: str = ""


class Notification(_Model):
    """A notification of one person. `link` is empty if central has no page for it."""

    number: int
    event: Event
    sentence: str
    subject: str
    link: str
    at: Moment
    read: bool
    deliveries: tuple[DeliveryView, ...] = ()


class NotificationsView(_Model):
    """`GET` and `PUT /notifications`: notifications, newest first, and preferences.

    `secret` is present once: in the answer to the change that made it.
    """

    preferences: Preferences
    mail_sent: bool
    unread: int
    notifications: tuple[Notification, ...] = ()
    secret: str | None = None


class ReadUpTo(_Model):
    """`PUT /notifications/read`: mark all up to this number as read."""

    number: int = Field(ge=0, le=2**63 - 1)
