"""A journey whose rounds an aggregator combines: followed here, and read at its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from phtlab.errors import JourneyError, RecordError
from phtlab.lab.display.round_progress import progress_of
from phtlab.lab.rounds.folder import journey_folder
from phtlab.wire.api.journeys import JourneyView
from tests.lab.rounds.series_world import AGGREGATOR, STATIONS, SeriesWorld, instruction_of
from tests.limits import LIMIT
from tests.raising import raises_code


@pytest.fixture
def aggregated(tmp_path: Path) -> SeriesWorld:
    return SeriesWorld(tmp_path, aggregated=True)


def test_waiting_follows_the_rounds_and_combines_none(aggregated: SeriesWorld) -> None:
    journey = aggregated.open_journey()
    assert journey.wait(LIMIT) is journey
    assert journey.done
    assert not journey_folder(aggregated.order.nonce).exists()
    results = journey.results()
    assert results.combined["beta"].tolist() == aggregated.pooled().tolist()
    assert results.of_rounds is not None
    assert results.of_rounds.count == len(aggregated.central.sent)
    assert tuple(results) == STATIONS
    assert not results.failures
    assert AGGREGATOR not in repr(results)
    rounds = len(aggregated.central.sent)
    assert f"  ulm: computed {rounds} rounds" in repr(results)
    html = results._repr_html_()
    assert f"computed {rounds} rounds" in html
    assert "No station sent it." not in html


def test_what_is_reported_is_seen_while_the_rounds_go_on(aggregated: SeriesWorld) -> None:
    journey = aggregated.open_journey()
    seen: list[int] = []
    journey.wait(LIMIT, on_change=lambda _: seen.append(len(journey._rounds.known_reports)))
    assert set(range(len(aggregated.central.sent) + 1)) == set(seen)
    assert journey.reports["heard"].tolist() == len(aggregated.central.sent) * [3]
    assert journey.reports.attrs["unreadable"] == {}


def test_progress_counts_the_stations_without_the_aggregator(
    aggregated: SeriesWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    journey = aggregated.open_journey()
    journey.wait(LIMIT)
    lines = capsys.readouterr().err.splitlines()
    assert "round 1, heard 0 of 3" in lines
    assert "adder (combines): running" in lines
    ended = f"ended after round {len(aggregated.central.sent)}"
    assert ended in lines
    assert repr(journey).splitlines()[0].endswith(f": {ended}")
    assert "  4. adder (combines): departed" in repr(journey)
    assert "adder</bdi> (combines)" in journey._repr_html_()


def test_a_station_that_is_gone_is_not_expected(aggregated: SeriesWorld) -> None:
    aggregated.central.end("jena")
    view = aggregated.central.view()
    assert view.rounds is not None
    assert progress_of(view, view.rounds).text == "round 1, heard 0 of 2; without jena"


def test_finishing_asks_the_aggregator(aggregated: SeriesWorld) -> None:
    journey = aggregated.open_journey()
    assert aggregated.aggregator is not None
    aggregated.aggregator.step()
    first = aggregated.stations["ulm"]
    assert journey.finish() is journey
    assert aggregated.central.finishing
    assert not journey.done
    journey.wait(LIMIT)
    assert instruction_of(aggregated.central.sent[-1].instruction).ends
    assert len(aggregated.central.sent) == 2
    assert journey.results().combined["beta"].tolist() == first.received[1].tolist()


def test_an_aggregator_that_failed_is_a_failure_and_no_station(aggregated: SeriesWorld) -> None:
    aggregated.central.end(AGGREGATOR, "failed")
    journey = aggregated.open_journey()
    with raises_code(JourneyError, "journey-unfinished"):
        journey.results()
    for station in STATIONS:
        aggregated.central.end(station, "departed")
    results = journey.results()
    assert tuple(results) == STATIONS
    assert set(results.failures) == {AGGREGATOR}
    assert results.combined == {}
    assert results.missing("update") == {}
    assert "adder: failed" in repr(results)


def test_results_so_far_name_no_aggregator_among_the_missing(aggregated: SeriesWorld) -> None:
    assert aggregated.aggregator is not None
    aggregated.aggregator.step()
    aggregated.central.end("ulm", "departed")
    results = aggregated.open_journey().results(partial=True)
    assert results.combined == {}, "what stations were sent is not for the researcher"
    assert set(results.waiting) == {"mainz", "jena", AGGREGATOR}
    assert AGGREGATOR not in results.missing("update")


def test_an_instruction_that_central_withholds_is_missed(aggregated: SeriesWorld) -> None:
    """The aggregator's record closes the chain of instructions."""
    journey = aggregated.open_journey().wait(LIMIT)
    journey.results()
    view = aggregated.central.view()
    aggregated.central.sent.pop()
    aggregated.central.view = lambda: view  # type: ignore[method-assign]
    with raises_code(RecordError, "round-missing"):
        aggregated.open_journey().results()


def test_a_display_of_its_own_shows_each_round(aggregated: SeriesWorld) -> None:
    seen: list[JourneyView] = []
    aggregated.open_journey().wait(LIMIT, on_change=seen.append)
    numbers = [view.rounds.number for view in seen if view.rounds is not None]
    assert set(numbers) == set(range(1, len(aggregated.central.sent) + 1))
