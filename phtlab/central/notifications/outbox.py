"""Notifications to people: that something waits, and where; never its content.

A change that concerns others adds notifications in the same transaction. `central/delivery`
sends mails and calls webhooks later; no request waits for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from phtlab.central.db.database import Change
from phtlab.central.notifications.tables import DeliveryRow, NotificationRow, PreferenceRow
from phtlab.governance.text import line_of
from phtlab.train.documents.roster import Roster
from phtlab.wire.api.notifications import Event, Preferences

TOPIC: Final = "notifications"


def notify(
    change: Change, event: Event, members: Iterable[str], subject: str, *, about: str = ""
) -> None:
    """Notify `members` of `event`, once each: `about` distinguishes events of one subject."""
    key = line_of(f"{event} {subject} {about}")
    session = change.session
    for name in dict.fromkeys(members):
        known = select(NotificationRow.number).where(
            NotificationRow.member == name, NotificationRow.key == key
        )
        if session.scalar(known) is not None:
            continue
        channels = preferences_of(session, name).channels(event)
        row = NotificationRow(
            number=change.tick(),
            member=name,
            key=key,
            event=event,
            subject=line_of(subject),
            at=change.now,
            read=False,
            shown="page" in channels,
            deliveries=[
                DeliveryRow(channel=channel, state="waiting", due=change.now, tries=0, reason="")
                for channel in channels
                if channel != "page"
            ],
        )
        session.add(row)
        session.flush()
        if row.deliveries:
            change.notify(TOPIC)


def at_station(roster: Roster, stations: Iterable[str]) -> list[str]:
    """Return whom to notify for `stations`: these, and the operators of their organisations."""
    names, houses = list(stations), set[str]()
    for member in roster.members:
        if member.name in names and member.organisation:
            houses.add(member.organisation)
    operators = roster.with_role("operator")
    return [*names, *(member.name for member in operators if member.organisation in houses)]


def officers(roster: Roster) -> list[str]:
    return [member.name for member in roster.with_role("officer")]


def preferences_of(session: Session, member: str) -> Preferences:
    row = session.get(PreferenceRow, member)
    return Preferences.model_validate_json(row.preferences) if row else Preferences()
