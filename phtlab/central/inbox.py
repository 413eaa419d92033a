"""A station's inbox: its unfinished stops, whole each time, and a cursor to wait beyond.

A change to a proposal that names the station moves the cursor too.

It holds the state and not the differences: a station that lost an answer, or
its disk, asks again and misses nothing. So many offers are in it at a time, each researcher's first
before anyone's second: whose orders wait for a person there keeps nobody else's away.
"""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session, contains_eager

from phtlab.central.proposals import proposals_cursor
from phtlab.central.tables import JourneyRow, StopRow
from phtlab.central.views import envelope_of
from phtlab.wire.api import Inbox, Offer

MAX_OFFERS = 100
MAX_CONFLICTS = 100


def inbox_cursor(session: Session, station: str) -> int:
    """The number of the last change that `station` has to learn; 0 if there was none."""
    newest = select(func.max(StopRow.offered)).where(StopRow.station == station)
    return max(session.scalar(newest) or 0, proposals_cursor(session, station))


def inbox_of(session: Session, station: str) -> Inbox:
    """What waits for `station`, each researcher's oldest first."""
    # The cursor is read first: what comes in between is then seen twice, never missed.
    proposals = proposals_cursor(session, station)
    cursor = inbox_cursor(session, station)
    turn = func.row_number().over(partition_by=JourneyRow.researcher, order_by=JourneyRow.number)
    rows = session.scalars(
        select(StopRow)
        .join(StopRow.journey)
        .options(contains_eager(StopRow.journey))  # one question for all, not one an offer
        .where(StopRow.station == station, StopRow.offered > 0, StopRow.final.is_(False))
        .order_by(turn, JourneyRow.number)
        .limit(MAX_OFFERS)
    )
    conflicts = session.scalars(
        select(StopRow.journey_id)
        .where(StopRow.station == station, StopRow.conflict.is_not(None))
        .order_by(StopRow.offered.desc())
        .limit(MAX_CONFLICTS)
    )
    return Inbox(
        cursor=cursor,
        offers=tuple(map(_offer, rows)),
        proposals=proposals,
        conflicts=tuple(conflicts),
    )


def _offer(stop: StopRow) -> Offer:
    journey = stop.journey
    previous = None
    if journey.route == "sequential" and stop.number > 0:
        record = journey.stops[stop.number - 1].record
        previous = envelope_of(record) if record else None
    return Offer(
        journey=journey.id,
        order=envelope_of(journey.order),
        train=envelope_of(journey.train.envelope),
        cancelled=journey.cancelled,
        previous=previous,
    )
