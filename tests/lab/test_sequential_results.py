"""Results of sequential journeys: what was handed on, what the recipients got, and resuming."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from phtlab.errors import JourneyError, RecordError
from phtlab.lab.client.dispatch_history import notebook_of, remember_notebook
from phtlab.train.documents.envelope import peek
from phtlab.train.documents.manifest import Output
from phtlab.train.documents.record import StopRecord
from tests.central.conftest import founding, prepared_sqlite, small_central
from tests.central.world import World
from tests.lab.sequential_route import BOTH, MODEL, TOTAL, SequentialRoute
from tests.raising import raises_code

__all__ = ["founding", "prepared_sqlite", "small_central"]

NewRoute = Callable[..., SequentialRoute]


@pytest.fixture
def new_route(small_central: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NewRoute:
    monkeypatch.setenv("PHTLAB_CACHE", str(tmp_path / "cache"))

    def make(*outputs: Output) -> SequentialRoute:
        return SequentialRoute(small_central, tmp_path, outputs or (MODEL,))

    return make


def test_the_last_station_sends_what_the_others_hand_on(new_route: NewRoute) -> None:
    route = new_route(MODEL, TOTAL)
    journey = route.journey()
    for number, station in enumerate(("ulm", "mainz", "jena"), start=1):
        route.depart(journey, station, number)
    results = journey.results()
    assert results.stations == ("ulm", "mainz", "jena")
    assert results["ulm"].handed_on == {"model": "mainz"}
    assert results["jena"].handed_on == {}
    assert {name: model["w"].tolist() for name, model in results.models("model").items()} == {
        "jena": [3.0]
    }
    assert results.scalars("total") == {"ulm": 1.0, "mainz": 2.0, "jena": 3.0}
    assert results.withheld().empty
    assert results.missing("model") == {}
    assert "  ulm: total (scalar); handed on to mainz: model\n" in repr(results)
    assert results.resume == ""


def test_a_stop_without_cargo_for_the_recipients_handed_something_on(new_route: NewRoute) -> None:
    route = new_route(MODEL)
    journey = route.journey()
    route.depart(journey, "ulm", 1)
    results = journey.results(partial=True)
    assert results["ulm"].outputs == {}
    assert "  ulm: handed on to mainz: model\n" in repr(results)
    assert "nothing was released" not in repr(results)
    page = results._repr_html_()
    assert "model: released, handed on to mainz" in page
    assert "withheld" not in page
    assert set(results.missing("model")) == {"jena"}
    for opened in (results.models, results["ulm"].model):
        with raises_code(JourneyError, "no-such-output"):
            opened("model")
    exported = results.export(route.folder / "results")
    assert [path.name for path in sorted((exported / "ulm").iterdir())] == ["record.json"]


def test_what_goes_to_both_is_sent_and_handed_on(new_route: NewRoute) -> None:
    route = new_route(MODEL, BOTH)
    journey = route.journey()
    route.depart(journey, "ulm", 0.5)
    results = journey.results(partial=True)
    assert results.scalars("loss") == {"ulm": 0.5}
    assert results["ulm"].handed_on == {"model": "mainz", "loss": "mainz"}
    assert set(results.missing("loss")) == {"mainz", "jena"}


def test_results_of_an_ended_journey_say_how_it_goes_on(new_route: NewRoute) -> None:
    route = new_route(MODEL, TOTAL)
    journey = route.journey()
    assert not journey.resumable
    route.depart(journey, "ulm", 1)
    route.fail(journey, "mainz")
    assert journey.done
    assert journey.resumable
    results = journey.results()
    hint = f"lab.resume(journey) or 'phtlab journey resume {journey.id[7:19]}'"
    for shown in (repr(journey), repr(results)):
        assert hint in shown
    assert "continues it at mainz." in results._repr_html_()
    assert list(results.failures) == ["mainz"]
    assert list(results.unsigned) == ["jena"]
    # Mainz would have handed its model on: only jena's is missing.
    assert set(results.missing("model")) == {"jena"}
    assert set(results.missing("total")) == {"mainz", "jena"}


def test_results_of_a_continuing_journey_are_those_of_the_whole_route(
    new_route: NewRoute,
) -> None:
    route = new_route(MODEL, TOTAL)
    first = route.journey()
    route.depart(first, "ulm", 1)
    route.fail(first, "mainz")
    remember_notebook(first.id, route.folder / "heart.ipynb")
    second = route.lab.resume(first)
    assert notebook_of(second.id) == route.folder / "heart.ipynb"
    assert f"continues journey {first.id[7:19]}" in repr(second)
    assert list(second.results(partial=True)) == ["ulm"]

    route.depart(second, "mainz", 2)
    route.fail(second, "jena")
    third = route.lab.resume(second)
    route.depart(third, "jena", 3)

    results = third.results()
    assert results.stations == ("ulm", "mainz", "jena")
    assert results.scalars("total") == {"ulm": 1.0, "mainz": 2.0, "jena": 3.0}
    assert [station.handed_on for station in results.values()] == [
        {"model": "mainz"},
        {"model": "jena"},
        {},
    ]
    assert results.failures == {}
    assert results.withheld().empty
    assert [station.record.journey for station in results.values()] == [
        first.id,
        second.id,
        third.id,
    ]

    assert not first.refresh().resumable
    assert f"Journey {second.id[7:19]} continues it." in repr(first)
    with raises_code(JourneyError, "journey-continued"):
        route.lab.resume(first)


def test_the_log_of_an_earlier_stop_is_asked_for_under_its_own_journey(
    new_route: NewRoute,
) -> None:
    route = new_route(MODEL)
    first = route.journey()
    route.depart(first, "ulm", 1)
    route.fail(first, "mainz")
    second = route.lab.resume(first)
    with raises_code(JourneyError, "no-log"):
        second.log("ulm")


def test_two_records_of_an_earlier_stop_are_told_in_the_whole_route(new_route: NewRoute) -> None:
    route = new_route(MODEL)
    first = route.journey()
    route.depart(first, "ulm", 1)
    route.fail(first, "mainz")
    signed = first.view.stops[0].record
    assert signed is not None
    record = StopRecord.model_validate(peek(signed).predicate)
    other = record.model_copy(update={"finished": record.finished + timedelta(seconds=1)})
    with raises_code(RecordError, "record-exists"):
        route.central.client("ulm").put_record(
            first.id, "ulm", other.sign(route.central.identity("ulm"))
        )
    second = route.lab.resume(first)
    route.depart(second, "mainz", 2)
    assert list(second.results(partial=True).contradicted) == ["ulm"]
