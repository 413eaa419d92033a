"""A station's inbox: its unfinished stops, whole each time, and a cursor to wait beyond.

A change to a proposal that names the station moves the cursor too.

It holds the state and not the differences: a station that lost an answer, or
its disk, asks again and misses nothing. So many offers are in it at a time, each researcher's first
before anyone's second: whose orders wait for a person there keeps nobody else's away.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session, aliased

from phtlab.central.proposals import newest_change
from phtlab.central.tables import JourneyRow, StopRow, TrainRow

MAX_OFFERS = 100
MAX_CONFLICTS = 100


def inbox_cursors(session: Session, station: str) -> tuple[int, int]:
    """The number of the last change that `station` has to learn, and of the last one to a proposal
    that names it; 0 if there was none."""
    stops, proposals, _ = session.execute(_newest(station)).one()
    return max(stops or 0, proposals or 0), proposals or 0


def inbox_json(session: Session, station: str) -> str:
    """What waits for `station` (`phtlab.wire.api.Inbox`), each researcher's oldest first.

    Envelopes are put in as they are stored, and not read: a thousand stations hear all of theirs
    again every 25 seconds.
    """
    # The cursor is read first: what comes in between is then seen twice, never missed.
    stops, proposals, contradicted = session.execute(_newest(station)).one()
    offers = ",".join(_offers(session, station))
    conflicts = list(session.scalars(_conflicts(station))) if contradicted else []
    return (
        f'{{"cursor":{max(stops or 0, proposals or 0)},"offers":[{offers}],'
        f'"proposals":{proposals or 0},"conflicts":{json.dumps(conflicts)}}}'
    )


def _newest(station: str) -> Select[Any]:
    """The newest changes to stops and to proposals, and whether there is a conflict: one trip."""
    newest = select(func.max(StopRow.offered)).where(StopRow.station == station)
    return select(
        newest.scalar_subquery(),
        newest_change(station).scalar_subquery(),
        _conflicts(station).exists(),
    )


def _conflicts(station: str) -> Select[str]:
    return (
        select(StopRow.journey_id)
        .where(StopRow.station == station, StopRow.conflict.is_not(None))
        .order_by(StopRow.offered.desc())
        .limit(MAX_CONFLICTS)
    )


def _offers(session: Session, station: str) -> list[str]:
    """The offers as JSON."""
    turn = func.row_number().over(partition_by=JourneyRow.researcher, order_by=JourneyRow.number)
    before = aliased(StopRow)
    previous = (
        select(before.record)
        .where(
            JourneyRow.route == "sequential",
            before.journey_id == JourneyRow.id,
            before.number == StopRow.number - 1,
        )
        .correlate(JourneyRow, StopRow)
        .scalar_subquery()
    )
    train = and_(
        TrainRow.digest == JourneyRow.train_digest, TrainRow.author == JourneyRow.train_author
    )
    rows = session.execute(
        select(JourneyRow.id, JourneyRow.order, TrainRow.envelope, JourneyRow.cancelled, previous)
        .join(StopRow.journey)
        .join(TrainRow, train)
        .where(StopRow.station == station, StopRow.offered > 0, StopRow.final.is_(False))
        .order_by(turn, JourneyRow.number)
        .limit(MAX_OFFERS)
    )
    return [
        f'{{"journey":{json.dumps(journey)},"order":{order},"train":{envelope},'
        f'"cancelled":{json.dumps(cancelled)},"previous":{record or "null"}}}'
        for journey, order, envelope, cancelled, record in rows
    ]
