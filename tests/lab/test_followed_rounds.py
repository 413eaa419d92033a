"""Rounds of a journey in a workspace: an event moves them on, and its stop as ever."""

from __future__ import annotations

from datetime import timedelta

from phtlab.lab.workspace.central_follower import _after
from phtlab.wire.api.journeys import JourneyEvent
from phtlab.wire.api.rounds import RoundsView
from tests.lab.told_journey import view


def test_an_event_moves_the_rounds_on() -> None:
    journey = view(stations=("ulm", "mainz")).model_copy(update={"rounds": RoundsView(number=1)})
    stop = journey.stops[0]
    rounds = RoundsView(number=1, heard=("ulm",))
    event = JourneyEvent(number=7, journey=journey.id, stop=stop, rounds=rounds)
    changed = _after(journey, event)
    assert (changed.rounds, changed.stops) == (rounds, journey.stops)
    assert _after(changed, event) is changed


def test_an_event_of_a_stop_leaves_the_rounds() -> None:
    journey = view(stations=("ulm",)).model_copy(update={"rounds": RoundsView(number=3)})
    (stop,) = journey.stops
    later = stop.model_copy(update={"cell": 2, "updated": stop.updated + timedelta(seconds=1)})
    changed = _after(journey, JourneyEvent(number=7, journey=journey.id, stop=later))
    assert (changed.rounds, changed.stops) == (RoundsView(number=3), (later,))
