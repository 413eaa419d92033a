"""Journeys that continue an earlier one after its last departed stop."""

from __future__ import annotations

from sqlalchemy.orm import Session

from phtlab.central.db.rows import envelope_of
from phtlab.central.db.tables import JourneyRow
from phtlab.errors import JourneyError
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.manifest import Train
from phtlab.train.documents.order import Order
from phtlab.train.documents.roster import Roster
from phtlab.train.verify import SignedJourney, verify_continuation
from phtlab.train.verify.chain import MAX_CONTINUED


def earlier_journeys(session: Session, order: Order) -> list[JourneyRow]:
    """Return the journeys that `order` continues, the oldest first.

    Raises JourneyError (``journey-unknown``) for one that central does not have.
    """
    found: list[JourneyRow] = []
    journey = order.continues.journey if order.continues else None
    while journey is not None and len(found) <= MAX_CONTINUED:
        row = session.get(JourneyRow, journey)
        if row is None:
            raise JourneyError(
                f"Central does not have the journey {journey} that this order continues.",
                "Dispatch the train anew.",
                code="journey-unknown",
            )
        found.insert(0, row)
        journey = row.continues
    return found


def signed_journey(row: JourneyRow) -> SignedJourney:
    """Return a journey's order, and the records of its departed stops in the route's order."""
    records = [stop.record for stop in row.stops if stop.state == "departed" and stop.record]
    return SignedJourney(envelope_of(row.order), tuple(map(envelope_of, records)))


def require_continuable(
    session: Session, roster: Roster, train: Train, order: Order, researcher: str
) -> None:
    """Refuse a continuing order that does not go on where its journey ended.

    Raises JourneyError: ``journey-unfinished`` while a stop of the earlier journey goes on,
    ``journey-continued`` if another journey continues it, ``journey-unknown``; and what
    `verify_continuation` raises.
    """
    rows = earlier_journeys(session, order)
    if not rows:
        return
    last = rows[-1]
    if last.researcher != researcher:
        raise JourneyError(
            f"The journey {last.id} is of another researcher: only {last.researcher} continues it.",
            code="journey-unknown",
        )
    if not all(stop.final for stop in last.stops):
        raise JourneyError(
            f"The journey {last.id} has not ended: there is nothing to continue.",
            "Wait for it, or cancel it.",
            code="journey-unfinished",
        )
    other = session.query(JourneyRow.id).filter(JourneyRow.continues == last.id).scalar()
    if other is not None:
        raise JourneyError(
            f"The journey {last.id} is continued by {other} already.",
            "Resume that one if it has ended.",
            code="journey-continued",
        )
    verify_continuation(
        order, train=train, roster=roster, continued=tuple(map(signed_journey, rows))
    )


def previous_record(session: Session, order: Order) -> Envelope | None:
    """Return the record that the first stop of a continuing journey follows."""
    records = [
        envelope
        for row in earlier_journeys(session, order)
        for envelope in signed_journey(row).records
    ]
    return records[-1] if records else None
