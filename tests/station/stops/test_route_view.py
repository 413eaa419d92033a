"""A journey's route as people of a station read it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from phtlab.errors import StationError
from phtlab.station.stops import stop_files
from phtlab.station.stops.route_view import RouteView, ordinal, received_text, route_of
from phtlab.train.documents.manifest import DeclaredArray, Received
from phtlab.train.documents.order import Continuation
from phtlab.wire.api.journeys import EarlierJourney, Offer
from tests.raising import raises_code
from tests.station.pipeline.rounds_series import make_series
from tests.station.pipeline.sequential_route import Route, sequential_route


@pytest.fixture
def route(tmp_path: Path) -> Route:
    return sequential_route(tmp_path)


def _verified(route: Route, offer: Offer) -> RouteView:
    route.world.begun(offer, steps=1)
    return route_of(route.world.stop(offer), "cleveland")


def _lines(view: RouteView) -> list[tuple[str, str]]:
    return list(view.lines())


def continued(route: Route) -> Offer:
    """A journey that goes on at cleveland after hungary's stop of an earlier one."""
    earlier = route.after_hungary()
    (record,) = earlier.previous
    continuation = Continuation(journey=earlier.journey, record=record.digest)
    offer = route.order("cleveland", continues=continuation)
    journey = EarlierJourney(order=earlier.order, records=(record,))
    return offer.model_copy(update={"continued": (journey,)})


def test_a_parallel_route_hands_nothing_on(route: Route) -> None:
    view = _verified(route, route.world.offer())
    assert (view.short, view.forecast, view.handed_on) == ("", "", ())
    assert view.goes_to == {"counts": "ada"}
    assert _lines(view) == [("route", "parallel: cleveland, hungary, independent of each other")]


def test_the_first_station_hands_on_and_receives_nothing(route: Route) -> None:
    view = _verified(route, route.order("cleveland", "hungary"))
    assert (view.number, view.sender, view.following) == (1, "", "hungary")
    assert view.goes_to == {"model": "hungary"}
    assert view.forecast == "sequential, 1st of 2, hands model on to hungary"
    assert _lines(view) == [
        ("route", "sequential: cleveland → hungary, this station (cleveland) is 1st of 2"),
        ("receives", "nothing for model: its cells take their default"),
        ("hands on", "model (model), to hungary"),
    ]


def test_the_last_station_receives_and_releases_to_the_recipients(route: Route) -> None:
    view = _verified(route, route.after_hungary())
    assert (view.number, view.sender, view.following) == (2, "hungary", "")
    assert view.goes_to == {"model": "ada"}
    assert view.forecast == view.short == "sequential, 2nd of 2"
    assert _lines(view)[1:] == [
        ("receives", "model (model; any shapes; any numbers), from hungary"),
        ("releases", "model (model), to ada"),
    ]


def test_a_continued_journey_names_the_stop_that_it_goes_on_from(route: Route) -> None:
    offer = continued(route)
    view = _verified(route, offer)
    assert (view.number, view.sender) == (1, "hungary")
    assert view.short == "sequential, 1st of 1, continued"
    assert _lines(view)[1][0] == "continues"
    assert _lines(view)[1][1].endswith(", after its stop at hungary")
    assert ("receives", "model (model; any shapes; any numbers), from hungary") in _lines(view)
    assert view.as_json()["continues"] == view.continues


def test_a_stop_that_lost_the_record_before_it_is_broken(route: Route) -> None:
    offer = route.after_hungary()
    route.world.begun(offer, steps=1)
    stop = route.world.stop(offer)
    lost = stop.offer().model_copy(update={"previous": ()})
    stop.write(stop_files.OFFER, lost)
    with raises_code(StationError, "stop-broken"):
        route_of(stop, "cleveland")


def test_the_limits_of_what_is_received_are_read() -> None:
    weights = DeclaredArray(name="w", shape=(3, None))
    bias = DeclaredArray(name="b")
    received = Received(name="model", arrays=(weights, bias), lowest=-1, highest=1.5, size=4096)
    assert received_text(received, "model") == (
        "w: shape 3 × any",
        "b: one number",
        "numbers -1 to 1.5",
        "at most 4,096 bytes",
    )
    assert received_text(Received(name="n"), "scalar") == ("any numbers",)
    assert received_text(Received(name="n", lowest=0.25), "scalar") == ("numbers 0.25 to any",)


@pytest.mark.parametrize(
    ("number", "text"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (22, "22nd"), (113, "113th")],
)
def test_places_on_a_route_are_ordinals(number: int, text: str) -> None:
    assert ordinal(number) == text


def test_the_route_of_rounds_says_who_combines_and_what_leaves_when(tmp_path: Path) -> None:
    series = make_series(tmp_path, most=20)
    series.steps()
    view = route_of(series.stop, "cleveland")
    assert view.short == "in 20 rounds at most"
    assert view.sentence == (
        "rounds: cleveland, hungary, 20 rounds at most, combined by the researcher's kernel"
    )
    assert dict(view.lines()) == {
        "route": view.sentence,
        "receives": "beta (model; any shapes; numbers -1000000 to 1000000), in each round after "
        "the first, from the researcher's kernel",
        "releases": "update (model), in each round, to ada",
        "goes on": "with 1 of 2 stations, and without a station after 60 seconds",
    }
    assert json.loads(json.dumps(view.as_json()))["rounds"]["most"] == 20
