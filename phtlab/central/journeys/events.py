"""Events: changes of stops and rounds, numbered in one order and stored: a stream can resume."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from phtlab.central.changes import bus
from phtlab.central.db.database import Change
from phtlab.central.db.rows import rounds_view, stop_view
from phtlab.central.db.tables import EventRow, JourneyRow, PartyRow, StopRow
from phtlab.central.notifications.outbox import notify
from phtlab.train.crypto.identity import Member
from phtlab.wire.api.journeys import JourneyEvent, StopView
from phtlab.wire.api.rounds import RoundsView

BATCH = 200


def happened(change: Change, journey: JourneyRow, stop: StopRow) -> int:
    """Record that `stop` changed, and notify the parties of its journey; return the number."""
    number = change.tick()
    stop.updated = change.now
    change.session.add(
        EventRow(
            number=number,
            journey_id=journey.id,
            at=change.now,
            body=stop_view(stop, with_record=False).model_dump_json(),
        )
    )
    if stop.final and all(stop.final for stop in journey.stops):
        notify(change, "journey-done", [p.member for p in journey.parties if p.opens], journey.id)
    change.notify(bus.STATIONS, *(bus.of_member(party.member) for party in journey.parties))
    return number


def rounds_changed(change: Change, journey: JourneyRow, stop: StopRow) -> int:
    """Record that the rounds of `journey` went on, at `stop` if a station did; return the number.

    A journey keeps the newest of these events only: each holds all that the earlier ones said, and
    there may be thousands of rounds.
    """
    number = change.tick()
    rounds = rounds_view(journey)
    change.session.execute(
        delete(EventRow).where(EventRow.journey_id == journey.id, EventRow.rounds.is_not(None))
    )
    change.session.add(
        EventRow(
            number=number,
            journey_id=journey.id,
            at=change.now,
            body=stop_view(stop, with_record=False).model_dump_json(),
            rounds=rounds.model_dump_json() if rounds else None,
        )
    )
    change.notify(bus.of_rounds(journey.id))
    change.notify(*(bus.of_member(party.member) for party in journey.parties))
    return number


def events_after(
    session: Session, member: Member, after: int, journey: str | None
) -> list[JourneyEvent]:
    """The next events of `journey`, or of all journeys of `member`, with a number over `after`."""
    query = select(EventRow).where(EventRow.number > after)
    if journey is not None:
        query = query.where(EventRow.journey_id == journey)
    else:
        query = query.join(PartyRow, PartyRow.journey_id == EventRow.journey_id).where(
            PartyRow.member == member.name
        )
    rows = session.scalars(query.order_by(EventRow.number).limit(BATCH))
    return [
        JourneyEvent(
            number=row.number,
            journey=row.journey_id,
            stop=StopView.model_validate_json(row.body),
            rounds=RoundsView.model_validate_json(row.rounds) if row.rounds else None,
        )
        for row in rows
    ]


def is_done(session: Session, journey: str) -> bool:
    """Return whether all stops of `journey` are final."""
    unfinished = select(StopRow).where(StopRow.journey_id == journey, StopRow.final.is_(False))
    return session.scalars(unfinished.limit(1)).first() is None
