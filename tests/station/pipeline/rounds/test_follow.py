"""Rounds at a station, from the order to the stop's record: each computed once, and sent once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from phtlab.errors import CentralUnreachableError
from phtlab.station.stops.marker import Marker
from phtlab.train.documents.record import RoundsDone
from tests.station.pipeline.rounds_series import POLICY, Series, make_series


@pytest.fixture
def series(tmp_path: Path) -> Series:
    return make_series(tmp_path)


def test_a_series_from_its_order_to_the_record_of_the_stop(series: Series) -> None:
    daemon = series.steps()
    assert [series.update(sent) for sent in series.sent()] == [1.0]
    series.instruct(10.0)
    series.steps(daemon=daemon)
    series.instruct(20.0)
    series.steps(daemon=daemon)
    assert [series.update(sent) for sent in series.sent()] == [1.0, 11.0, 21.0]
    series.end()
    series.steps(daemon=daemon)
    record = series.record()
    assert (record.outcome, record.cargos) == ("departed", ())
    rounds = series.records()
    assert [r.number for r in rounds] == [1, 2, 3]
    assert record.rounds == RoundsDone(count=3, last=series.sent()[-1].record.digest)
    assert [output.verdict for output in record.outputs] == ["released"]
    assert series.world.scripted.jobs() == frozenset()


def test_an_older_instruction_is_not_computed_by_a_station_that_was_late(series: Series) -> None:
    daemon = series.steps()
    heard = {"cleveland": series.sent()[0].record.digest}
    series.instruct(10.0, heard=heard)
    series.instruct(20.0, heard={"hungary": series.offer.journey})
    series.steps(daemon=daemon)
    assert [series.update(sent) for sent in series.sent()] == [1.0, 21.0]
    series.end()
    series.steps(daemon=daemon)
    assert [r.number for r in series.records()] == [1, 3]
    done = series.record().rounds
    assert done is not None
    assert done.count == 2


def test_many_instructions_of_a_late_station_are_read_in_pages(tmp_path: Path) -> None:
    policy = f'{POLICY}uncounted = "pass"\n[month]\nvalues = 9\n[rounds]\nmost = 200\n'
    series = make_series(tmp_path, most=200, policy=policy)
    daemon = series.steps()
    series.instruct(1.0)
    for number in range(3, 123):
        series.instruct(float(number), heard={"hungary": series.offer.journey})
    series.steps(daemon=daemon)
    assert [series.update(sent) for sent in series.sent()] == [1.0, 123.0]


@pytest.mark.parametrize("after", range(24))
def test_a_station_killed_after_any_step_goes_on(series: Series, after: int) -> None:
    """A restarted station computes no round twice, and sends no record but one of each."""
    series.instruct(10.0, heard={}, shown=False)
    daemon = series.begin()
    for step in range(40):
        if step == after:
            daemon = series.world.daemon()
        daemon.step()
        if len(series.sent()) == series.number and series.number < 3:
            series.instruct(series.number * 10.0)
        elif len(series.sent()) == 3 and series.number == 3:
            series.end()
        if series.stop.is_reported:
            break
    assert series.record().outcome == "departed"
    assert [series.update(sent) for sent in series.sent()] == [1.0, 11.0, 21.0]
    assert [r.number for r in series.records()] == [1, 2, 3]
    assert series.world.executor.computed == [1, 2, 3]  # type: ignore[attr-defined]


def test_central_that_is_away_costs_time_only(series: Series) -> None:
    daemon = series.steps(5)
    series.world.central.down = True
    series.steps(daemon=daemon)
    with pytest.raises(CentralUnreachableError):
        series.world.central.inbox()
    assert series.sent() == []
    series.world.central.down = False
    series.world.ahead += timedelta(hours=1)
    series.steps(daemon=daemon)
    assert [series.update(sent) for sent in series.sent()] == [1.0]


def test_a_run_that_is_lost_is_started_anew_for_the_round(series: Series) -> None:
    daemon = series.steps()
    executor = series.world.executor
    executor.remove(series.stop.job_id)
    series.steps(4, daemon=daemon)
    assert executor.computed == [1]  # type: ignore[attr-defined]
    series.instruct(10.0)
    series.steps(20, daemon=daemon)
    assert [series.update(sent) for sent in series.sent()] == [1.0, 11.0]
    assert len(series.world.scripted.started) == 2
    assert not series.stop.has(Marker.ENDING)
