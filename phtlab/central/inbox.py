"""A station's inbox: all its unfinished stops, and a cursor to wait for changes.

A change to a proposal that names the station moves the cursor too.

The inbox holds the state, not the differences: a station that lost an answer, or its disk, asks
again and misses nothing. It holds MAX_OFFERS offers at most, each researcher's first before
anyone's second: orders that wait for a person at the station do not block other researchers.
"""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, Integer, Select, and_, bindparam, func, select
from sqlalchemy.orm import aliased

from phtlab.central.db.tables import JourneyRow, StopRow, TrainRow
from phtlab.central.governance.proposals import newest_change

MAX_OFFERS = 100
MAX_CONFLICTS = 100
_STATION: Final[BindParameter[str]] = bindparam("station")
_MOST: Final[BindParameter[int]] = bindparam("most", type_=Integer)


def inbox_json(connection: Connection, station: str, unless: int | None = None) -> str | None:
    """Return the `phtlab.wire.api.journeys.Inbox` of `station`, each researcher's oldest first.

    None if the cursor is still `unless`. Stored envelopes are inserted without parsing, since a
    thousand stations read all of theirs every 25 seconds.
    """
    query = {"station": station}
    # Cursor first: a change in between is then read twice, never missed.
    stops, proposals, contradicted = connection.execute(_NEWEST, query).one()
    cursor = max(stops or 0, proposals or 0)
    if cursor == unless:
        return None
    offers = ",".join(
        f'{{"journey":{json.dumps(journey)},"order":{order},"train":{train},'
        f'"cancelled":{json.dumps(cancelled)},"previous":{record or "null"}}}'
        for journey, order, train, cancelled, record in connection.execute(
            _OFFERS, query | {"most": MAX_OFFERS}
        )
    )
    conflicts = list(connection.scalars(_CONFLICTS, query)) if contradicted else []
    return (
        f'{{"cursor":{cursor},"offers":[{offers}],'
        f'"proposals":{proposals or 0},"conflicts":{json.dumps(conflicts)}}}'
    )


def _conflicts() -> Select[str]:
    return (
        select(StopRow.journey_id)
        .where(StopRow.station == _STATION, StopRow.conflict.is_not(None))
        .order_by(StopRow.offered.desc())
        .limit(MAX_CONFLICTS)
    )


def _newest() -> Select[Any]:
    """Select the newest changes to stops and proposals, and whether there is a conflict."""
    newest = select(func.max(StopRow.offered)).where(StopRow.station == _STATION)
    return select(
        newest.scalar_subquery(),
        newest_change(_STATION).scalar_subquery(),
        _conflicts().exists(),
    )


def _offers() -> Select[Any]:
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
    return (
        select(JourneyRow.id, JourneyRow.order, TrainRow.envelope, JourneyRow.cancelled, previous)
        .join(StopRow.journey)
        .join(TrainRow, train)
        .where(StopRow.station == _STATION, StopRow.offered > 0, StopRow.final.is_(False))
        .order_by(turn, JourneyRow.number)
        .limit(_MOST)
    )


# Built once: building statements was the largest part of the cost of a poll.
_CONFLICTS: Final = _conflicts()
_NEWEST: Final = _newest()
_OFFERS: Final = _offers()
