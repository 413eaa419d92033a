"""An aggregator combines rounds one step at a time, and goes on after any interruption."""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from phtlab.runtime.model import encode_tensors
from phtlab.station.pipeline.rounds.round_files import MOST_RESTARTS
from phtlab.train.documents.envelope import peek
from tests.station.pipeline.combining_series import (
    AGGREGATOR,
    STATIONS,
    Combining,
    decided,
    make_combining,
)
from tests.station.pipeline.rounds_series import archive_of


@pytest.fixture
def series(tmp_path: Path) -> Combining:
    return make_combining(tmp_path)


def answered(series: Combining, *values: float) -> None:
    for station, value in zip(STATIONS, values, strict=True):
        series.answer(station, value)


def test_each_round_is_combined_and_sent_on_until_the_last(tmp_path: Path) -> None:
    series = make_combining(tmp_path, most=3)
    daemon = series.begin()
    for values in ((1, 2), (10, 20), (100, 200)):
        answered(series, *values)
        series.steps(daemon=daemon)
    assert list(series.values()) == [3.0, 33.0, None]
    assert [i.ends for i in series.instructions()] == [False, False, True]
    reports = series.reports()
    assert [(r.number, r.stations, dict(r.reported)) for r, _ in reports] == [
        (1, STATIONS, {"total": 3.0}),
        (2, STATIONS, {"total": 30.0}),
        (3, STATIONS, {"total": 300.0}),
    ]
    assert [values for _, values in reports] == [{}, {}, {"beta": 333.0}]
    record = series.record()
    assert (record.outcome, record.stop, record.outputs) == ("departed", 2, ())
    assert record.rounds is not None
    assert record.rounds.count == 3
    assert record.rounds.last == series.world.central.instructed[-1].instruction.digest
    # One container, which computed each round once, and knew what stations had received.
    assert len(series.executor.started) == 1
    assert series.executor.combined == [1, 2, 3]
    assert series.executor.given[1]["received.beta"] == 3.0
    assert not series.executor.started[0].data


def test_the_cells_end_the_rounds_with_results_of_any_name(series: Combining) -> None:
    series.executor.decide = lambda number, given: decided(finished=True, fit=4.0)
    daemon = series.begin()
    answered(series, 1, 2)
    series.steps(daemon=daemon)
    (instruction,) = series.instructions()
    assert instruction.ends
    assert instruction.values is None
    assert [values for _, values in series.reports()] == [{"fit": 4.0}]
    assert series.record().outcome == "departed"


def test_a_value_that_is_not_sent_again_stays_as_it_was(series: Combining) -> None:
    series.executor.decide = lambda number, given: decided(7.0) if number == 1 else decided()
    daemon = series.begin()
    for _ in range(2):
        answered(series, 1, 2)
        series.steps(daemon=daemon)
    assert list(series.values()) == [7.0, 7.0]


def test_a_number_that_is_reported_may_be_infinite(series: Combining) -> None:
    series.executor.decide = lambda number, given: decided(
        1.0, reported={"loss": math.inf, "other": math.nan}
    )
    daemon = series.begin()
    answered(series, 1, 2)
    series.steps(daemon=daemon)
    ((report, _),) = series.reports()
    assert report.reported["loss"] == math.inf
    assert math.isnan(report.reported["other"])


def test_it_waits_for_all_stations_until_the_deadline(series: Combining) -> None:
    daemon = series.begin()
    series.answer("cleveland")
    series.steps(daemon=daemon)
    assert not series.world.central.instructed
    series.answer("hungary")
    series.steps(daemon=daemon)
    assert len(series.world.central.instructed) == 1


def test_a_station_that_is_late_is_left_out_after_the_deadline(tmp_path: Path) -> None:
    series = make_combining(tmp_path, quorum=1, deadline=60)
    daemon = series.begin()
    series.answer("cleveland")
    series.steps(daemon=daemon)
    assert not series.world.central.instructed
    series.world.ahead += timedelta(seconds=61)
    series.steps(daemon=daemon)
    (instruction,) = series.instructions()
    assert set(instruction.heard) == {"cleveland"}
    assert series.executor.stations == [["cleveland"]]


def test_a_station_that_ended_is_not_waited_for(tmp_path: Path) -> None:
    series = make_combining(tmp_path, quorum=1)
    daemon = series.begin()
    series.ended(hungary="failed")
    series.answer("cleveland")
    series.steps(daemon=daemon)
    (instruction,) = series.instructions()
    assert set(instruction.heard) == {"cleveland"}


def test_too_few_stations_end_the_rounds_with_what_was_sent_last(series: Combining) -> None:
    daemon = series.begin()
    answered(series, 1, 2)
    series.steps(daemon=daemon)
    series.ended(hungary="failed")
    series.world.ahead += timedelta(seconds=10)
    series.answer("cleveland")
    series.steps(daemon=daemon)
    assert [i.ends for i in series.instructions()] == [False, True]
    (_, (report, values)) = series.reports()
    assert (report.combined, values) == (False, {"beta": 3.0})
    record = series.record()
    assert (record.outcome, record.code) == ("failed", "round-quorum")


def test_it_ends_early_when_the_researcher_asks(series: Combining) -> None:
    daemon = series.begin()
    answered(series, 1, 2)
    series.steps(daemon=daemon)
    series.world.central.finishing = True
    series.steps(daemon=daemon)
    assert [i.ends for i in series.instructions()] == [False, True]
    assert series.reports()[-1][1] == {"beta": 3.0}
    assert series.record().outcome == "departed"
    assert series.executor.combined == [1]


def test_a_restart_at_any_step_signs_no_instruction_twice(tmp_path: Path) -> None:
    series = make_combining(tmp_path, most=2)
    for values in ((1, 2), (10, 20)):
        answered(series, *values)
        for _ in range(20):
            series.steps(1)  # each a daemon that knows nothing but the files
    assert list(series.values()) == [3.0, None]
    assert [values for _, values in series.reports()] == [{}, {"beta": 33.0}]
    assert series.executor.combined == [1, 2]
    assert series.record().outcome == "departed"


def test_what_was_signed_is_sent_again_after_central_was_away(series: Combining) -> None:
    daemon = series.begin()
    answered(series, 1, 2)
    folder = series.stop.rounds / "1"
    while not (folder / "record.json").exists():
        series.steps(1, daemon)
    signed = (folder / "record.json").read_bytes()
    series.world.central.down = True
    series.steps(3, daemon)
    assert (folder / "record.json").read_bytes() == signed
    series.world.central.down = False
    series.world.ahead += timedelta(minutes=5)
    series.steps(3)
    assert [sent.instruction.to_bytes() for sent in series.world.central.instructed] == [signed]


def test_a_lost_container_is_started_anew_and_combines_the_round_again(series: Combining) -> None:
    daemon = series.begin()
    answered(series, 1, 2)
    series.steps(daemon=daemon)
    series.executor.hangs = True
    answered(series, 10, 20)
    series.steps(daemon=daemon)
    series.executor.die()
    series.executor.hangs = False
    series.steps(daemon=daemon)
    assert len(series.executor.started) == 2
    assert series.executor.combined == [1, 2]
    assert list(series.values()) == [3.0, 33.0]


def test_a_run_that_is_lost_too_often_fails_the_stop(series: Combining) -> None:
    daemon = series.begin()
    series.executor.hangs = True
    answered(series, 1, 2)
    series.steps(daemon=daemon)
    for _ in range(MOST_RESTARTS + 1):
        series.executor.die()
        series.steps(3, daemon)
    series.steps(daemon=daemon)
    assert series.record().code == "run-restarts"


def test_an_error_in_a_combine_cell_fails_the_stop(series: Combining) -> None:
    daemon = series.begin()
    answered(series, 1, 2)
    series.executor.hangs = True
    series.steps(daemon=daemon)
    series.executor.script.error = {"type": "ValueError", "cell": 1, "line": 1}
    series.executor.die(outcome="cell-failed")
    series.steps(daemon=daemon)
    record = series.record()
    assert (record.outcome, record.code) == ("failed", "cell-failed")
    assert record.error is not None
    assert record.error.type == "ValueError"


def test_the_order_expires(series: Combining) -> None:
    daemon = series.begin()
    series.steps(daemon=daemon)
    series.world.ahead += timedelta(days=8)
    series.steps(daemon=daemon)
    assert series.record().code == "order-expired"


def test_an_update_that_does_not_open_is_left_out(tmp_path: Path) -> None:
    series = make_combining(tmp_path, quorum=1)
    daemon = series.begin()
    series.answer("cleveland", 5.0)
    series.answer("hungary", to=("ada", "cleveland"))
    series.steps(daemon=daemon)
    (instruction,) = series.instructions()
    assert set(instruction.heard) == {"cleveland"}
    assert list(series.values()) == [5.0]


@pytest.mark.parametrize(
    "files",
    [
        {"update.safetensors": b"no model"},
        {"other.safetensors": encode_tensors({"g": np.ones(1)})},
        {"update.safetensors": encode_tensors({"undeclared_name": np.ones(1)})},
    ],
)
def test_an_update_of_another_form_is_left_out(tmp_path: Path, files: dict[str, bytes]) -> None:
    series = make_combining(tmp_path, quorum=1)
    daemon = series.begin()
    series.answer("cleveland", 5.0)
    series.answer("hungary", archive=archive_of(files))
    series.steps(daemon=daemon)
    (instruction,) = series.instructions()
    assert set(instruction.heard) == {"cleveland"}


def test_a_large_update_comes_from_the_registry(series: Combining) -> None:
    daemon = series.begin()
    series.answer("cleveland", 1.0, inline=False)
    series.answer("hungary", 2.0)
    series.world.artifacts.down = True
    series.steps(daemon=daemon)
    assert not series.world.central.instructed
    series.world.artifacts.down = False
    series.world.ahead += timedelta(minutes=5)
    series.steps()
    assert list(series.values()) == [3.0]


def test_other_content_than_was_signed_is_fetched_again(series: Combining) -> None:
    daemon = series.begin()
    sent = series.answer("cleveland", 1.0, inline=False)
    series.answer("hungary", 2.0)
    cargos, digest = series.world.artifacts.cargos, peek(sent.record).predicate["update"]["digest"]
    kept, cargos[digest] = cargos[digest], bytes(len(cargos[digest]))
    series.steps(daemon=daemon)
    assert not series.world.central.instructed
    cargos[digest] = kept
    series.world.ahead += timedelta(minutes=5)
    series.steps()
    assert list(series.values()) == [3.0]


@pytest.mark.parametrize(
    "left",
    [
        {},
        {"combined.json": b"[]"},
        {"combined.json": b'{"finished": false, "sent": ["beta"], "reported": {}}'},
        decided(gamma=1.0),
        decided(1e7),  # beyond the bounds of the round cells
        decided(1.0, reported={"x" * 65: 1.0}),
        decided(1.0, reported={f"n{n}": 1.0 for n in range(1001)}),
        decided(),  # the first round, so nothing was sent before
        {**decided(1.0), "sent.beta.safetensors": b"no model"},
        decided(finished=True, **{"Not a name": 1.0}),
    ],
)
def test_what_the_cells_leave_is_as_declared_or_the_stop_fails(
    series: Combining, left: dict[str, bytes]
) -> None:
    series.executor.decide = lambda number, given: left
    daemon = series.begin()
    answered(series, 1, 2)
    series.steps(daemon=daemon)
    assert not series.world.central.instructed
    record = series.record()
    assert (record.outcome, record.code) == ("failed", "combined-form")


def test_without_received_values_rounds_go_on_with_nothing_sent(tmp_path: Path) -> None:
    series = make_combining(tmp_path, train={"received": ()})
    series.executor.decide = lambda number, given: decided()
    daemon = series.begin()
    for _ in range(2):
        answered(series, 1, 2)
        series.steps(daemon=daemon)
    assert list(series.values()) == [None, None]


def test_a_journey_that_is_over_ends_the_stop(series: Combining) -> None:
    from phtlab.errors import JourneyError

    daemon = series.begin()
    answered(series, 1, 2)
    series.world.central.refusing = JourneyError("It is over.", code="journey-over")
    series.steps(20, daemon)
    series.world.central.refusing = None
    series.world.ahead += timedelta(minutes=5)
    series.steps(20, daemon)
    assert series.record().code == "round-quorum"


def test_instructions_that_central_lost_are_waited_for(series: Combining) -> None:
    daemon = series.begin()
    answered(series, 1, 2)
    series.steps(daemon=daemon)
    lost = list(series.world.central.instructed)
    series.world.central.instructed.clear()
    series.steps(5)  # a restart: it asks for them
    assert not series.world.central.instructed
    series.world.central.instructed.extend(lost)
    series.world.ahead += timedelta(minutes=5)
    answered(series, 10, 20)
    series.steps()
    assert list(series.values()) == [3.0, 33.0]


def test_its_stop_is_of_the_aggregator_alone(series: Combining) -> None:
    assert series.order.stops == (*STATIONS, AGGREGATOR)
    assert series.order.stop_of(AGGREGATOR) == 2
