"""Continuation of a sequential journey that ended before its last station."""

from __future__ import annotations

from datetime import datetime, timedelta

from phtlab.errors import JourneyError
from phtlab.lab.session.session import Session
from phtlab.train.documents.envelope import peek
from phtlab.train.documents.order import Continuation, Order
from phtlab.train.verify import SignedJourney
from phtlab.train.verify.chain import MAX_CONTINUED
from phtlab.wire.api.journeys import JourneyView


def signed_journey(view: JourneyView) -> SignedJourney:
    """Return the order and the records of the departed stops of `view`, unverified."""
    records = [stop.record for stop in view.stops if stop.state == "departed" and stop.record]
    return SignedJourney(view.order, tuple(records))


def earlier_journeys(session: Session, order: Order) -> tuple[JourneyView, ...]:
    """Fetch the journeys that `order` continues, the oldest first, unverified."""
    found: list[JourneyView] = []
    journey = order.continues.journey if order.continues else None
    while journey is not None and len(found) < MAX_CONTINUED:
        view = session.central.journey(journey)
        found.insert(0, view)
        earlier = Order.model_validate(peek(view.order).predicate)
        journey = earlier.continues.journey if earlier.continues else None
    return tuple(found)


def continuing_order(
    view: JourneyView, order: Order, *, roster_version: int, lifetime: timedelta, now: datetime
) -> Order:
    """Return an order that goes on after the last departed stop of the journey `view`.

    `order` is the journey's verified order. Same train, parameters and recipients; the remaining
    stations. Raises JourneyError: ``resume-route`` for a route that is not sequential,
    ``journey-unfinished`` while it goes on, ``resume-nothing`` if no stop departed, or all did.
    """
    if order.route != "sequential":
        raise JourneyError(
            f"This journey is {order.route}: its stops do not depend on each other.",
            "Dispatch the train again to the stations that are missing.",
            code="resume-route",
        )
    if not view.done:
        raise JourneyError(
            "This journey has not ended: there is nothing to resume.",
            "Wait for it with journey.wait(), or cancel it.",
            code="journey-unfinished",
        )
    departed = signed_journey(view).records
    last = departed[-1].digest if departed else order.continues and order.continues.record
    remaining = order.stations[len(departed) :]
    if last is None or not remaining:
        raise JourneyError(
            "Every stop of this journey departed."
            if not remaining
            else "No stop of this journey departed: there is nothing to go on from.",
            "Dispatch the train again.",
            code="resume-nothing",
        )
    return Order.new(
        order.train,
        remaining,
        order.parameters,
        order.recipients,
        roster_version,
        lifetime=lifetime,
        route=order.route,
        proposal=order.proposal,
        continues=Continuation(journey=view.id, record=last),
        now=now,
    )
