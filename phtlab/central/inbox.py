"""A station's inbox: all its unfinished stops, and a cursor to wait for changes.

A change to a proposal that names the station moves the cursor too.

The inbox holds the state, not the differences: a station that lost an answer, or its disk, asks
again and misses nothing. It holds MAX_OFFERS offers of MAX_BYTES together at most, each
researcher's first before anyone's second: neither orders that wait for a person at the station nor
journeys that continue many others block other researchers.
"""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    Connection,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    func,
    select,
)

from phtlab.central.db.tables import JourneyRow, StopRow, TrainRow
from phtlab.central.governance.proposals import newest_change
from phtlab.train.verify.chain import MAX_CONTINUED

MAX_OFFERS = 100
MAX_BYTES = 128 * 2**20
"""A station reads answers of twice as many bytes."""
MAX_CONFLICTS = 100
_STATION: Final[BindParameter[str]] = bindparam("station")
_MOST: Final[BindParameter[int]] = bindparam("most", type_=Integer)
_JOURNEY: Final[BindParameter[str]] = bindparam("journey")
_NUMBER: Final[BindParameter[int]] = bindparam("number", type_=Integer)


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
    offers: list[str] = []
    room = MAX_BYTES
    for row in connection.execute(_OFFERS, query | {"most": MAX_OFFERS}).all():
        offer = _offer_json(connection, row)
        if len(offer) <= room or not offers:
            offers.append(offer)
            room -= len(offer)
    conflicts = list(connection.scalars(_CONFLICTS, query)) if contradicted else []
    return (
        f'{{"cursor":{cursor},"offers":[{",".join(offers)}],'
        f'"proposals":{proposals or 0},"conflicts":{json.dumps(conflicts)}}}'
    )


def _offer_json(connection: Connection, row: Row[Any]) -> str:
    return (
        f'{{"journey":{json.dumps(row.id)},"order":{row.order_envelope},"train":{row.envelope},'
        f'"cancelled":{json.dumps(row.cancelled)}{_chain_json(connection, row)}}}'
    )


def _chain_json(connection: Connection, row: Row[Any]) -> str:
    """Return what came before a stop of a sequential route, as further fields of its offer."""
    if row.route != "sequential":
        return ""
    previous = connection.scalars(_BEFORE, {"journey": row.id, "number": row.number})
    earlier: list[str] = []
    journey = row.continues
    while journey is not None and len(earlier) < MAX_CONTINUED:
        order, before = connection.execute(_CONTINUED, {"journey": journey}).one()
        records = connection.scalars(_DEPARTED, {"journey": journey})
        earlier.insert(0, f'{{"order":{order},"records":[{",".join(records)}]}}')
        journey = before
    return f',"previous":[{",".join(previous)}],"continued":[{",".join(earlier)}]'


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


def _offers() -> Select[*tuple[Any, ...]]:
    turn = func.row_number().over(partition_by=JourneyRow.researcher, order_by=JourneyRow.number)
    train = and_(
        TrainRow.digest == JourneyRow.train_digest, TrainRow.author == JourneyRow.train_author
    )
    return (
        select(
            JourneyRow.id,
            JourneyRow.order,
            JourneyRow.cancelled,
            JourneyRow.route,
            JourneyRow.continues,
            TrainRow.envelope,
            StopRow.number,
        )
        .join(StopRow.journey)
        .join(TrainRow, train)
        .where(StopRow.station == _STATION, StopRow.offered > 0, StopRow.final.is_(False))
        .order_by(turn, JourneyRow.number)
        .limit(_MOST)
    )


def _records() -> Select[Any]:
    """Select the records of a journey's departed stops, in the order of the route."""
    return (
        select(StopRow.record)
        .where(
            StopRow.journey_id == _JOURNEY,
            StopRow.state == "departed",
            StopRow.record.is_not(None),
        )
        .order_by(StopRow.number)
    )


# Built once: building statements was the largest part of the cost of a poll.
_CONFLICTS: Final = _conflicts()
_NEWEST: Final = _newest()
_OFFERS: Final = _offers()
_DEPARTED: Final = _records()
_BEFORE: Final = _records().where(StopRow.number < _NUMBER)
_CONTINUED: Final = select(JourneyRow.order, JourneyRow.continues).where(JourneyRow.id == _JOURNEY)
