"""The run of a stop of rounds: lost, failed, too slow, cancelled, expired."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from phtlab.errors import RegistryUnreachableError
from phtlab.station.executor.contract import Job
from phtlab.station.pipeline.rounds.round_files import MOST_RESTARTS
from phtlab.station.stops.marker import Marker
from phtlab.train.documents.record import RoundsDone
from tests.limits import LIMIT, join
from tests.station.pipeline.rounds_series import (
    RoundsExecutor,
    Series,
    make_series,
    plus_one,
    update_files,
)


@pytest.fixture
def series(tmp_path: Path) -> Series:
    return make_series(tmp_path)


def executor_of(series: Series) -> RoundsExecutor:
    executor = series.world.executor
    assert isinstance(executor, RoundsExecutor)
    return executor


def slow(series: Series) -> None:
    """No round is computed any more."""
    executor_of(series).compute = lambda number, beta: pytest.fail("computed")
    executor_of(series)._work = lambda job_id: None  # type: ignore[method-assign]


def test_a_run_that_was_ended_from_outside_is_started_once_more(series: Series) -> None:
    daemon = series.steps()
    series.instruct(10.0)
    working = executor_of(series)._work
    slow(series)
    series.steps(3, daemon=daemon)
    executor_of(series).die()
    executor_of(series)._work = working  # type: ignore[method-assign]
    executor_of(series).compute = lambda number, beta: update_files(7.0)
    series.steps(daemon=daemon)
    assert [series.update(sent) for sent in series.sent()] == [1.0, 7.0]
    assert len(series.world.scripted.started) == 2


def die_without_record(executor: RoundsExecutor) -> None:
    executor.die()


def die_with_the_kernel(executor: RoundsExecutor) -> None:
    executor.die(outcome="kernel-died")


def be_removed(executor: RoundsExecutor) -> None:
    executor.statuses.clear()


WAYS = pytest.mark.parametrize(
    ("lose", "code"),
    [
        (die_without_record, "run-restarts"),
        (die_with_the_kernel, "kernel-died"),
        (be_removed, "run-restarts"),
    ],
)
Lose = Callable[[RoundsExecutor], None]


@WAYS
def test_a_run_that_is_lost_again_goes_on(series: Series, lose: Lose, code: str) -> None:
    daemon = series.steps()
    series.instruct(10.0)
    working = executor_of(series)._work
    slow(series)
    for _ in range(MOST_RESTARTS):
        series.steps(4, daemon=daemon)
        lose(executor_of(series))
    executor_of(series)._work = working  # type: ignore[method-assign]
    executor_of(series).compute = lambda number, beta: update_files(7.0)
    series.steps(daemon=daemon)
    assert [series.update(sent) for sent in series.sent()] == [1.0, 7.0]
    assert len(series.world.scripted.started) == 1 + MOST_RESTARTS


@WAYS
def test_a_run_that_is_lost_without_end_fails_the_stop(
    series: Series, lose: Lose, code: str
) -> None:
    daemon = series.steps()
    series.instruct(10.0)
    slow(series)
    for _ in range(MOST_RESTARTS + 1):
        series.steps(4, daemon=daemon)
        lose(executor_of(series))
    series.steps(daemon=daemon)
    record = series.record()
    assert (record.outcome, record.code) == ("failed", code)
    assert record.rounds == RoundsDone(count=1, last=series.sent()[-1].record.digest)
    assert len(series.world.scripted.started) == 1 + MOST_RESTARTS


def test_a_start_that_fails_is_no_lost_run(series: Series, monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry or the engine is away while the run is started anew."""
    daemon = series.steps()
    series.instruct(10.0)
    working = executor_of(series)._work
    slow(series)
    series.steps(3, daemon=daemon)
    executor_of(series).die()
    failed: list[Job] = []
    with monkeypatch.context() as patch:
        patch.setattr(executor_of(series), "start", lambda job, _: away(failed, job))
        while len(failed) < 2 * MOST_RESTARTS:
            series.world.ahead += timedelta(minutes=1)
            series.steps(1, daemon=daemon)
    series.world.ahead += timedelta(minutes=1)
    executor_of(series)._work = working  # type: ignore[method-assign]
    executor_of(series).compute = lambda number, beta: update_files(7.0)
    series.steps(daemon=daemon)
    assert [series.update(sent) for sent in series.sent()] == [1.0, 7.0]


def away(failed: list[Job], job: Job) -> None:
    failed.append(job)
    raise RegistryUnreachableError("The registry does not answer.")


def test_each_round_has_its_own_restarts(series: Series) -> None:
    daemon = series.steps()
    working = executor_of(series)._work
    for _ in range(3):
        series.instruct(10.0)
        slow(series)
        for _ in range(MOST_RESTARTS // 2):
            series.steps(4, daemon=daemon)
            executor_of(series).die()
        executor_of(series)._work = working  # type: ignore[method-assign]
        executor_of(series).compute = plus_one
        series.steps(daemon=daemon)
    assert len(series.sent()) == 4


def test_a_run_that_is_removed_after_its_time_is_over_is_not_started_anew(series: Series) -> None:
    daemon = series.steps()
    series.instruct(10.0)
    slow(series)
    series.steps(3, daemon=daemon)
    executor_of(series).stop = lambda job_id: be_removed(executor_of(series))  # type: ignore[method-assign]
    series.world.ahead += timedelta(hours=12)
    series.steps(daemon=daemon)
    assert series.record().code == "out-of-time"
    assert len(series.world.scripted.started) == 1


@pytest.mark.parametrize(
    ("outcome", "code"), [("cell-failed", "cell-failed"), ("completed", "run-record")]
)
def test_a_run_that_ends_in_a_round_fails_the_stop(series: Series, outcome: str, code: str) -> None:
    """Also one that says that it is complete: it ended before its rounds did."""
    daemon = series.steps()
    series.instruct(10.0)
    slow(series)
    series.steps(3, daemon=daemon)
    executor_of(series).die(outcome=outcome)
    series.steps(daemon=daemon)
    assert series.record().code == code


def test_each_round_has_the_time_of_a_run(series: Series) -> None:
    daemon = series.steps()
    series.world.ahead += timedelta(hours=12)
    series.steps(daemon=daemon)
    assert not series.stop.has(Marker.STOPPING), "it waits for a round, which costs nothing"
    series.instruct(10.0)
    slow(series)
    series.steps(3, daemon=daemon)
    series.world.ahead += timedelta(hours=12)
    series.steps(daemon=daemon)
    assert series.record().code == "out-of-time"


def test_a_cancelled_series_ends_with_what_it_computed(series: Series) -> None:
    daemon = series.steps()
    daemon.receive(series.offer.model_copy(update={"cancelled": True}))
    series.steps(daemon=daemon)
    record = series.record()
    assert (record.outcome, record.rounds and record.rounds.count) == ("cancelled", 1)
    assert series.world.scripted.jobs() == frozenset()


def test_a_series_ends_with_its_order(series: Series) -> None:
    daemon = series.steps()
    series.world.ahead += timedelta(days=8)
    series.steps(daemon=daemon)
    record = series.record()
    assert (record.outcome, record.code) == ("cancelled", "order-expired")


@pytest.mark.parametrize(
    ("issued", "read", "outcome"),
    [(7, 7.5, "departed"), (7, 8.5, "cancelled"), (7.2, 7.5, "cancelled")],
)
def test_an_end_that_is_read_after_the_order_expired(
    series: Series, issued: float, read: float, outcome: str
) -> None:
    """Days after the dispatch: it counts if it was issued before, for a day."""
    daemon = series.steps()
    at = series.order.issued + timedelta(days=issued) - timedelta(minutes=1)
    series.end(issued=at)
    series.world.ahead += timedelta(days=read)
    series.steps(daemon=daemon)
    record = series.record()
    assert (record.outcome, record.rounds and record.rounds.count) == (outcome, 1)


def test_a_round_that_is_instructed_before_the_order_expired_does_not_begin_after(
    series: Series,
) -> None:
    daemon = series.steps()
    series.instruct(10.0)
    series.world.ahead += timedelta(days=7.5)
    series.steps(daemon=daemon)
    assert (series.record().outcome, len(series.sent())) == ("cancelled", 1)


def test_an_output_that_a_round_does_not_publish_fails_the_stop(series: Series) -> None:
    executor_of(series).compute = lambda number, beta: {}
    series.steps(20)
    assert series.record().code == "output-missing"


def test_what_the_run_writes_beside_the_declared_outputs_is_not_read(series: Series) -> None:
    executor_of(series).compute = lambda number, beta: {
        **update_files(1.0),
        "other.json": b"{}",
        "update.bin": b"x",
    }
    series.steps()
    assert [series.update(sent) for sent in series.sent()] == [1.0]


def test_links_in_a_round_s_folder_are_not_followed(series: Series, tmp_path: Path) -> None:
    secret = tmp_path / "secret.safetensors"
    secret.write_bytes(update_files(99.0)["update.safetensors"])

    def linked(number: int, beta: float | None) -> dict[str, bytes]:
        folder = executor_of(series).root / series.stop.job_id / "rounds" / str(number)
        (folder / "outputs" / "update.safetensors").symlink_to(secret)
        return {"update.json": update_files(1.0)["update.json"]}

    executor_of(series).compute = linked
    series.steps(20)
    assert series.sent() == []
    assert series.record().code == "airlock-refused"


def test_only_the_thread_that_waits_for_a_round_asks_for_it(
    series: Series, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that asks without a pause takes the kernel's processor while it computes."""
    asking: list[str] = []
    executor, until = executor_of(series), threading.Event()
    outputs = executor.outputs

    def noting(job_id: str) -> Path:
        asking.append(threading.current_thread().name)
        return outputs(job_id)

    monkeypatch.setattr(executor, "outputs", noting)
    daemon = series.begin()
    thread = threading.Thread(target=daemon.run, args=(until,))
    thread.start()
    try:
        central = series.world.central
        with central.news:
            assert central.news.wait_for(lambda: central.sent_rounds, LIMIT)
    finally:
        until.set()
        join(thread)
    assert asking
    assert all(name.startswith("rounds") for name in asking)
