"""Stations: which are online, with which data sets and twins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from phtlab.central.changes import bus
from phtlab.central.db.database import Database
from phtlab.central.db.tables import StationRow, StopRow, TwinRow
from phtlab.central.problems import not_found
from phtlab.errors import CentralError
from phtlab.train.canonical import digest
from phtlab.train.crypto.identity import Member
from phtlab.train.documents.roster import Roster
from phtlab.wire.api.journeys import StationProfile, StationView

_SEEN_AGAIN: Final = (
    update(StationRow)
    .where(StationRow.name == bindparam("station"), StationRow.last_seen >= bindparam("since"))
    .values(last_seen=bindparam("now"))
)
# States of a stop that a station works on; in any other unfinished state, the stop waits.
AT_WORK = frozenset({"running", "airlock", "sealed"})


def stations_of(
    session: Session, roster: Roster, now: datetime, online: timedelta
) -> tuple[StationView, ...]:
    """Return the stations and aggregators on the roster.

    `online` is how recent a poll makes one of them online.
    """
    rows = {row.name: row for row in session.scalars(select(StationRow))}
    loads = _loads(session)
    return tuple(
        _view(member, rows.get(member.name), loads.get(member.name, _Load()), now, online)
        for member in roster.members
        if member.has_stops
    )


def put_profile(database: Database, station: Member, profile: StationProfile) -> None:
    """Store the profile of `station`. Twins that the profile no longer names are deleted."""
    twins = {data.name: data.twin_digest for data in profile.datasets}
    with database.note({bus.STATIONS}) as session:
        row = session.get(StationRow, station.name) or StationRow(name=station.name)
        row.profile = profile.model_dump_json()
        session.add(row)
        for twin in session.scalars(select(TwinRow).where(TwinRow.station == station.name)):
            if twins.get(twin.name) != twin.digest:
                session.delete(twin)


def put_twin(database: Database, station: Member, name: str, content: bytes) -> None:
    """Store the twin of data set `name`.

    Raises CentralError if the station's profile names no such data set, or
    (``twin-digest``) another digest.
    """
    found = digest(content)
    with database.note() as session:
        row = session.get(StationRow, station.name)
        profile = StationProfile.model_validate_json(row.profile if row else "{}")
        named = {data.name: data.twin_digest for data in profile.datasets}
        if name not in named:
            raise not_found(
                f"{station.name} has published no data set '{name[:64]}'.",
                "Put the profile first.",
            )
        if named[name] != found:
            raise CentralError(
                f"The twin of {name} has the digest {found}, but {station.name}'s profile says "
                f"{named[name]}.",
                "Put the profile of this twin first.",
                code="twin-digest",
            )
        twin = session.get(TwinRow, (station.name, name)) or TwinRow(
            station=station.name, name=name
        )
        twin.digest, twin.content = found, content
        session.add(twin)


def twin_of(session: Session, station: str, name: str) -> bytes:
    """Return the twin's bytes. Raises CentralError (``not-found``)."""
    content = session.scalar(
        select(TwinRow.content).where(TwinRow.station == station, TwinRow.name == name)
    )
    if content is None:
        raise not_found(f"{station[:64]} has published no twin of a data set '{name[:64]}'.")
    return content


def note_seen(database: Database, station: str, online: timedelta) -> None:
    """Record that `station` polled its inbox; notify those who show it if it was offline."""
    now = database.clock()
    # One round trip for a station that stayed online, as each of 1000 does every 25 seconds.
    if database.note_at_once(_SEEN_AGAIN, {"station": station, "since": now - online, "now": now}):
        return
    topics = set[str]()
    with database.note(topics) as session:
        row = session.get(StationRow, station) or StationRow(name=station, profile="{}")
        if not _is_online(row.last_seen, now, online):
            topics.add(bus.STATIONS)
        row.last_seen = now
        session.add(row)


@dataclass
class _Load:
    running: int = 0
    waiting: int = 0


def _loads(session: Session) -> dict[str, _Load]:
    """Count the unfinished stops that each station works on, and those that wait at it."""
    loads: dict[str, _Load] = {}
    counted = (
        select(StopRow.station, StopRow.state, func.count())
        .where(StopRow.final.is_(False), StopRow.offered > 0)
        .group_by(StopRow.station, StopRow.state)
    )
    for station, state, number in session.execute(counted):
        load = loads.setdefault(station, _Load())
        if state in AT_WORK:
            load.running += number
        else:
            load.waiting += number
    return loads


def _is_online(last: datetime | None, now: datetime, online: timedelta) -> bool:
    return last is not None and now - last <= online


def _view(
    member: Member, row: StationRow | None, load: _Load, now: datetime, online: timedelta
) -> StationView:
    last = row.last_seen if row else None
    profile = StationProfile.model_validate_json(row.profile if row else "{}")
    return StationView(
        name=member.name,
        organisation=member.organisation,
        roles=member.roles,
        online=_is_online(last, now, online),
        last_seen=last,
        datasets=profile.datasets,
        version=profile.version,
        running=load.running,
        waiting=load.waiting,
        paused=profile.paused,
        airlock=profile.airlock,
    )
