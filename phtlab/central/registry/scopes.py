"""Access rights in the registry. Only central itself deletes.

=========== ======================== ============ =======================================
who         repository               may          of
=========== ======================== ============ =======================================
station     ``trains/…``             pull         its own unfinished journeys
station     ``kernels/…``            pull         the catalogue's, and the kernels of those trains
station     ``cargo/HEX/SELF``       pull, push   its own unfinished journeys
station     ``cargo/HEX/PREVIOUS``   pull         the same, on a sequential route
station     ``values/HEX``           pull         its own unfinished journeys of rounds
station     ``logs/HEX/SELF``        pull, push   its own journeys, ended ones too
station     ``self-test/SELF``       pull, push   what its self-test leaves
aggregator  as a station                          its own stops
aggregator  ``cargo/HEX/STATION``    pull         unfinished journeys whose rounds it combines
aggregator  ``values/HEX``           pull, push   the same, unless cancelled
researcher  ``trains/SELF/…``        pull, push   their own
researcher  ``trains/…``             pull         the trains that central lists for them
researcher  ``kernels/…``            pull         all
researcher  ``cargo/HEX/…``          pull         journeys that they ordered or may open
researcher  ``logs/HEX/…``           pull         the same
researcher  ``values/HEX``           pull, push   their own unfinished journeys of rounds that no
                                                  aggregator combines
researcher  ``values/HEX``           pull         all journeys of rounds that they may open
officer     ``kernels/…``            pull, push   all
=========== ======================== ============ =======================================

Of these, a hub token allows pulls (scope read), and ``trains/SELF/…`` and ``values/…`` (scope
dispatch).
"""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from phtlab.central.db.tables import JourneyRow, PartyRow, StopRow, TrainRow
from phtlab.central.hub.users import DISPATCH, READ, HubUser
from phtlab.central.registry.token import Access
from phtlab.train.crypto.identity import Member
from phtlab.train.documents.roster import Catalogue
from phtlab.train.verify.chain import MAX_CONTINUED

PULL: Final = frozenset({"pull"})
PUSH: Final = frozenset({"pull", "push"})
NOTHING: Final = frozenset[str]()

_OF_A_STOP: Final = re.compile(
    r"(?P<kind>cargo|logs)/(?P<journey>[0-9a-f]{64})/(?P<station>[a-z][a-z0-9-]{0,61}[a-z0-9])"
)

_VALUES: Final = re.compile(r"values/(?P<journey>[0-9a-f]{64})")


def allowed(
    session: Session,
    catalogue: Catalogue,
    member: Member,
    requested: tuple[Access, ...],
    prefix: str = "",
) -> tuple[Access, ...]:
    """Return the part of `requested` that `member` may have; `prefix` precedes every name."""
    granted = []
    for access in requested:
        name = access.repository.removeprefix(f"{prefix}/") if prefix else access.repository
        if prefix and name == access.repository:
            continue
        rights = _rights(session, catalogue, member, name)
        granted.append(Access(access.repository, access.actions & rights))
    return tuple(granted)


def narrowed(user: HubUser, granted: tuple[Access, ...], prefix: str = "") -> tuple[Access, ...]:
    """Return the part of a member's rights that the hub token of `user` has."""
    before = f"{prefix}/" if prefix else ""
    own = f"{before}trains/{user.name}/", f"{before}values/"
    kept = []
    for access in granted:
        rights = PULL if user.may(READ) else NOTHING
        if user.may(DISPATCH) and access.repository.startswith(own):
            rights = PUSH
        kept.append(Access(access.repository, access.actions & rights))
    return tuple(kept)


def _rights(
    session: Session, catalogue: Catalogue, member: Member, repository: str
) -> frozenset[str]:
    kind = repository.partition("/")[0]
    if kind == "kernels":
        return _kernel_rights(session, catalogue, member, repository)
    if kind == "trains":
        return _train_rights(session, member, repository)
    if kind == "self-test":
        return PUSH if member.has_stops and repository == f"self-test/{member.name}" else NOTHING
    of_rounds = _VALUES.fullmatch(repository)
    if of_rounds is not None:
        return _value_rights(session, member, f"sha256:{of_rounds['journey']}")
    found = _OF_A_STOP.fullmatch(repository)
    if found is None:
        return NOTHING
    rights = _cargo_rights if found["kind"] == "cargo" else _log_rights
    return rights(session, member, f"sha256:{found['journey']}", found["station"])


def _kernel_rights(
    session: Session, catalogue: Catalogue, member: Member, repository: str
) -> frozenset[str]:
    if "officer" in member.roles:
        return PUSH
    if "researcher" in member.roles:
        return PULL
    places = {image.digest: image.repository for image in catalogue.images}
    if member.has_stops and repository in places.values():
        return PULL  # a station fetches what it allows ahead of the first train
    needed = {
        places.get(train.kernel, f"kernels/{train.kernel_name}")
        for train in _trains_at(session, member)
    }
    return PULL if repository in needed else NOTHING


def _train_rights(session: Session, member: Member, repository: str) -> frozenset[str]:
    author = "researcher" in member.roles
    if author and repository.startswith(f"trains/{member.name}/"):
        return PUSH
    if any(train.repository == repository for train in _trains_at(session, member)):
        return PULL
    if author:
        known = select(TrainRow.digest).where(TrainRow.repository == repository).limit(1)
        return PULL if session.scalar(known) else NOTHING
    return NOTHING


def _cargo_rights(session: Session, member: Member, journey: str, station: str) -> frozenset[str]:
    party = session.get(PartyRow, (journey, member.name))
    row = session.get(JourneyRow, journey)
    if party is None or row is None:
        return NOTHING
    rights = PULL if party.opens else NOTHING
    if _continues(session, member, row, station):
        return rights | PULL
    own = next((stop for stop in row.stops if stop.station == member.name), None)
    if own is None or not member.has_stops or own.final or not own.offered:
        return rights
    if station == member.name:
        return rights | PUSH
    if row.is_combined_by(member):
        return rights | PULL  # updates that are too large for a message
    before = [stop.station for stop in row.stops if stop.number == own.number - 1]
    if row.route == "sequential" and station in before:
        return rights | PULL
    return rights


def _continues(session: Session, member: Member, row: JourneyRow, station: str) -> bool:
    """Whether `member` has the first stop of a journey that continues `row` after `station`.

    A journey between the two, in which no stop departed, handed nothing on.
    """
    departed = [stop.station for stop in row.stops if stop.state == "departed"]
    if row.route != "sequential" or departed[-1:] != [station]:
        return False
    journey: str | None = row.id
    for _ in range(MAX_CONTINUED):
        later = session.scalars(select(JourneyRow).where(JourneyRow.continues == journey)).first()
        if later is None:
            return False
        first = later.stops[0]
        if first.station == member.name and first.offered and not first.final:
            return True
        if first.state == "departed":
            return False
        journey = later.id
    return False


def _log_rights(session: Session, member: Member, journey: str, station: str) -> frozenset[str]:
    """Allow pushes until retention: people mostly release a log after its stop has ended."""
    party = session.get(PartyRow, (journey, member.name))
    row = session.get(JourneyRow, journey)
    if party is None or row is None:
        return NOTHING
    own = any(stop.station == member.name == station and stop.offered for stop in row.stops)
    if own and member.has_stops and row.removed is None:
        return PUSH
    return PULL if party.opens else NOTHING


def _value_rights(session: Session, member: Member, journey: str) -> frozenset[str]:
    party = session.get(PartyRow, (journey, member.name))
    row = session.get(JourneyRow, journey)
    if party is None or row is None or row.route != "rounds" or row.removed is not None:
        return NOTHING
    going_on = [stop.station for stop in row.stops if not stop.final]
    own = member.has_stops and member.name in going_on
    if row.aggregator is None:
        sends = row.researcher == member.name and bool(going_on)
    else:
        sends = own and row.is_combined_by(member)
    if sends and not row.cancelled:
        return PUSH
    return PULL if own or party.opens else NOTHING


def _trains_at(session: Session, member: Member) -> list[TrainRow]:
    """Return the trains of the unfinished stops that were offered to `member`."""
    if not member.has_stops:
        return []
    query = (
        select(TrainRow)
        .select_from(JourneyRow)
        .join(JourneyRow.train)
        .join(StopRow, StopRow.journey_id == JourneyRow.id)
        .where(StopRow.station == member.name, StopRow.final.is_(False), StopRow.offered > 0)
    )
    return list(session.scalars(query).unique())
