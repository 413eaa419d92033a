"""Journeys: ordered by a researcher, visible to their parties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.orm import Session

from phtlab.central.audit.log import audited
from phtlab.central.changes import bus
from phtlab.central.db.database import Change, Database
from phtlab.central.db.rows import envelope_of, journey_view
from phtlab.central.db.tables import JourneyRow, PartyRow, StopRow, TrainRow, is_combined_by
from phtlab.central.journeys.continuations import require_continuable
from phtlab.central.journeys.events import happened
from phtlab.central.journeys.trains import check_sender, check_size, train_for
from phtlab.central.limits.quotas import require_room
from phtlab.central.problems import forbidden, not_found
from phtlab.errors import CentralError, JourneyError, TrainError
from phtlab.train.crypto.identity import Member
from phtlab.train.documents.envelope import Envelope, open_statement, peek
from phtlab.train.documents.order import ORDER_TYPE, Order
from phtlab.train.documents.roster import Roster
from phtlab.train.verify import verify_order, verify_train
from phtlab.wire.api.journeys import JourneyList, JourneyView

MAX_ORDER_BYTES = 256 * 1024
_PARTY: Final = (
    select(PartyRow.opens, JourneyRow.aggregator)
    .join(JourneyRow, JourneyRow.id == PartyRow.journey_id)
    .where(PartyRow.journey_id == bindparam("journey"), PartyRow.member == bindparam("member"))
)


def submit_journey(
    database: Database, roster: Roster, sender: Member, envelope: Envelope, *, most: int
) -> tuple[JourneyView, bool]:
    """Store a signed order and offer it to its stops; return whether it is new.

    A researcher may order `most` journeys a day. Raises OrderError, SignatureError,
    NotOnRosterError or TrainError if the order is invalid, CentralError if it is too large, not
    signed by `sender`, or (``quota``) above the daily limit.
    """
    check_size(envelope, MAX_ORDER_BYTES, "order")
    with database.read() as session:
        known = session.get(JourneyRow, envelope.digest)
        if known is not None and known.researcher == sender.name:
            return journey_view(known), False
        train_row = _train(session, sender, envelope)
        author = train_row.author
        train = verify_train(envelope_of(train_row.envelope), roster)
    order = verify_order(
        envelope, roster, train=train, station=None, now=database.clock(), seen=frozenset()
    )
    check_sender(_signer(envelope, roster), sender, "order")
    with database.change() as change:
        known = change.session.get(JourneyRow, envelope.digest)
        if known is not None:
            return journey_view(known), False
        own = JourneyRow.researcher == sender.name
        require_room(change, most, "journeys", JourneyRow.submitted, own)
        require_continuable(change.session, roster, train, order, sender.name)
        return journey_view(_add(change, envelope, order, author, sender)), True


def visible_journey(session: Session, member: Member, journey: str) -> JourneyRow:
    """Return the journey if `member` is a party to it. Raises CentralError (``not-found``)."""
    row = session.get(JourneyRow, journey)
    if row is None or member.name not in {party.member for party in row.parties}:
        raise _not_visible(member, journey)
    return row


@dataclass(frozen=True)
class PartyRights:
    """What a party to a journey may read: whether its results, and whether it combines rounds."""

    opens: bool
    combines: bool


def party_rights(connection: Connection, member: Member, journey: str) -> PartyRights:
    """Return the rights of `member`, without loading the journey.

    Raises CentralError (``not-found``) unless `member` is a party to it.
    """
    query = {"journey": journey, "member": member.name}
    row = connection.execute(_PARTY, query).one_or_none()
    if row is None:
        raise _not_visible(member, journey)
    return PartyRights(row.opens, is_combined_by(row.aggregator, member))


def _not_visible(member: Member, journey: str) -> CentralError:
    return not_found(f"There is no journey {journey} here, or not for {member.name} to see.")


def visible_journeys(
    session: Session, member: Member, limit: int, before: int | None
) -> JourneyList:
    """A page of `member`'s journeys, newest first."""
    query = (
        select(JourneyRow)
        .join(PartyRow, PartyRow.journey_id == JourneyRow.id)
        .where(PartyRow.member == member.name)
        .order_by(JourneyRow.number.desc())
        .limit(limit + 1)
    )
    if before is not None:
        query = query.where(JourneyRow.number < before)
    rows = list(session.scalars(query).unique())
    return JourneyList(
        journeys=tuple(journey_view(row) for row in rows[:limit]),
        next=rows[limit - 1].number if len(rows) > limit else None,
    )


def require_researcher(journey: JourneyRow, member: Member, what: str) -> None:
    """Raise CentralError (``forbidden``) unless `member` ordered the journey; `what` needs it."""
    if journey.researcher != member.name:
        raise forbidden(
            f"{journey.researcher} ordered this journey: nobody else can {what}, so not "
            f"{member.name}."
        )


def cancel(database: Database, member: Member, journey: str) -> JourneyView:
    """Ask the stations to stop; close the stops that were never offered.

    An offered stop stays open until its station signs a record. Cancelling twice has no further
    effect. Raises CentralError (``forbidden``) unless `member` ordered the journey, JourneyError
    if it is done.
    """
    with database.change() as change:
        row = visible_journey(change.session, member, journey)
        require_researcher(row, member, "cancel it")
        if row.cancelled:
            return journey_view(row)
        if all(stop.final for stop in row.stops):
            raise JourneyError(
                f"The journey {journey} is done at all of its stations: there is nothing to "
                "cancel.",
                code="journey-done",
            )
        audited(change, actor=member.name, action="journey-cancelled", subject=row.id)
        cancel_stops(change, row, "The researcher cancelled")
        return journey_view(row)


def cancel_stops(change: Change, journey: JourneyRow, why: str) -> None:
    """Mark `journey` as cancelled, and offer or close each of its stops that goes on.

    `why` is a clause that the sentence of each of these stops begins with.
    """
    journey.cancelled = True
    for stop in journey.stops:
        if stop.final:
            continue
        if stop.offered:
            stop.sentence = f"{why}; the station has not answered yet."
            offer(change, journey, stop)
        else:
            sentence = f"{why} before the train came here."
            close(change, journey, stop, "cancelled-before-turn", sentence)


def offer(change: Change, journey: JourneyRow, stop: StopRow) -> None:
    """Notify the station of `stop` that it is its turn, or that the stop changed."""
    stop.offered = happened(change, journey, stop)
    change.notify(bus.of_station(stop.station))


def close(change: Change, journey: JourneyRow, stop: StopRow, code: str, sentence: str) -> None:
    """End a stop for which no station will sign a record."""
    audited(
        change,
        actor=change.log,
        action="stop-closed",
        subject=journey.id,
        details={"station": stop.station, "code": code},
    )
    stop.state, stop.final = "cancelled", True
    stop.code, stop.sentence = code, sentence
    happened(change, journey, stop)
    if stop.offered:
        stop.offered = change.tick()
        change.notify(bus.of_station(stop.station))


def _train(session: Session, sender: Member, envelope: Envelope) -> TrainRow:
    """Return the train of an unverified order of `sender`: their own statement, if they have one.

    Another member may have signed a false statement about the same image before.
    """
    digest = str(peek(envelope).predicate.get("train"))
    row = train_for(session, sender, digest)
    if row is None:
        raise TrainError(
            f"Central does not know the train {digest[:71]} of this order.",
            "Submit the train first.",
            code="train-unknown",
        )
    if row.removed is not None:
        raise TrainError(
            f"The train {row.name} was removed on {row.removed:%Y-%m-%d}, as its retention says.",
            "Build and submit it again.",
            code="train-removed",
        )
    return row


def _signer(envelope: Envelope, roster: Roster) -> str:
    """Return who signed a verified order."""
    return open_statement(envelope, ORDER_TYPE, roster.members)[1].name


def _add(
    change: Change, envelope: Envelope, order: Order, author: str, researcher: Member
) -> JourneyRow:
    row = JourneyRow(
        id=envelope.digest,
        number=change.tick(),
        train_digest=order.train,
        train_author=author,
        route=order.route,
        researcher=researcher.name,
        submitted=change.now,
        expires=order.expires,
        cancelled=False,
        order=envelope.to_bytes().decode(),
        continues=order.continues.journey if order.continues else None,
        round_number=1 if order.rounds else None,
        rounds_ended=False,
        rounds_finishing=False,
        aggregator=order.aggregator,
        removed=None,
        stops=[
            StopRow(
                number=number,
                station=station,
                state="offered",
                final=False,
                offered=0,
                code="",
                sentence="",
                updated=change.now,
            )
            for number, station in enumerate(order.stops)
        ],
        parties=[
            PartyRow(member=name, opens=name in order.recipients or name == researcher.name)
            for name in sorted({researcher.name, *order.recipients, *order.stops})
        ],
    )
    change.session.add(row)
    change.session.flush()
    change.session.refresh(row, ["train", "continued_by"])
    audited(
        change,
        actor=researcher.name,
        action="journey-ordered",
        subject=row.id,
        digest=order.train,
        details={"stations": ", ".join(order.stations)}
        | ({"aggregator": order.aggregator} if order.aggregator else {}),
    )
    for stop in row.stops:
        if order.route != "sequential" or stop.number == 0:
            offer(change, row, stop)
        else:
            happened(change, row, stop)
    return row
