"""A journey's route, as its order declares it: its kind, whose turn it is, what can be resumed.

The order is read for display here, not verified.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from phtlab.errors import SignatureError
from phtlab.lab.display.journey_text import COMBINES, describe, short
from phtlab.train.documents.envelope import Envelope, peek
from phtlab.train.documents.record import FINAL_STATES
from phtlab.wire.api.journeys import JourneyView, StopView

ARROW: Final = "→"
_WAITING: Final = ("offered", "verified")


@dataclass(frozen=True)
class RouteOrder:
    """`route` is the kind of route, `continues` the id of the journey that this one continues.

    `aggregator` is the member that combines rounds; None where it is the researcher's kernel.
    """

    route: str = "parallel"
    continues: str | None = None
    aggregator: str | None = None

    @property
    def is_sequential(self) -> bool:
        return self.route == "sequential"

    @property
    def is_rounds(self) -> bool:
        return self.route == "rounds"


def route_order(view: JourneyView) -> RouteOrder:
    """Return what the order of `view` says of its route."""
    return _route_order(view.order)


@lru_cache(1_000)
def _route_order(envelope: Envelope) -> RouteOrder:
    """Cached: a journey is displayed again at each change of a stop, and its order stays."""
    try:
        order = peek(envelope).predicate
    except SignatureError:
        return RouteOrder()
    continues = order.get("continues")
    journey = continues.get("journey") if isinstance(continues, dict) else None
    rounds = order.get("rounds")
    aggregator = rounds.get("aggregator") if isinstance(rounds, dict) else None
    return RouteOrder(
        str(order.get("route", "parallel")),
        journey if isinstance(journey, str) else None,
        aggregator if isinstance(aggregator, str) else None,
    )


def stations_of(view: JourneyView) -> tuple[StopView, ...]:
    """Return the stops at stations: all but that of an aggregator."""
    aggregator = route_order(view).aggregator
    return tuple(stop for stop in view.stops if stop.station != aggregator)


def station_at_turn(view: JourneyView) -> str | None:
    """Return the station whose turn it is on a sequential route; None on others and at the end."""
    if not route_order(view).is_sequential:
        return None
    stops = sorted(view.stops, key=lambda stop: stop.number)
    return next((stop.station for stop in stops if stop.state not in FINAL_STATES), None)


def waits_for(view: JourneyView, stop: StopView) -> str | None:
    """Return the station whose turn comes before `stop` can begin; None if it does not wait."""
    if stop.state not in _WAITING:
        return None
    turn = station_at_turn(view)
    return None if turn == stop.station else turn


def stop_name(view: JourneyView, stop: StopView) -> str:
    """Return the name of a stop's member; `adder (combines)` for an aggregator's."""
    combines = stop.station == route_order(view).aggregator
    return stop.station + (COMBINES if combines else "")


def stop_text(view: JourneyView, stop: StopView) -> str:
    """Return a stop's state on one line, with the station that it waits for."""
    turn = waits_for(view, stop)
    return describe(stop) if turn is None else f"waits for {turn}"


def is_resumable(view: JourneyView) -> bool:
    """Whether `lab.resume` can continue the journey after its last departed stop."""
    order = route_order(view)
    departed = [stop.state == "departed" for stop in view.stops]
    return (
        order.is_sequential
        and view.done
        and view.continued_by is None
        and view.removed is None
        and not all(departed)
        and (any(departed) or order.continues is not None)
    )


def resume_hint(view: JourneyView) -> str:
    """Say how an ended sequential journey goes on, or by which journey; empty where neither."""
    if view.continued_by is not None:
        return f"Journey {short(view.continued_by)} continues it."
    if not is_resumable(view):
        return ""
    remaining = [stop.station for stop in view.stops if stop.state != "departed"]
    return (
        f"lab.resume(journey) or 'phtlab journey resume {short(view.id)}' continues it at "
        f"{remaining[0]}."
    )
