"""What a run keeps from round to round: it counts once its round is finished, and never leaves."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from phtlab.runtime.model import encode_tensors
from phtlab.runtime.rounds.keeping import KEPT
from phtlab.station.pipeline.rounds.round_files import RoundFiles
from tests.station.pipeline.rounds_series import RoundsExecutor, Series, make_series


@pytest.fixture
def series(tmp_path: Path) -> Series:
    return make_series(tmp_path)


def executor_of(series: Series) -> RoundsExecutor:
    executor = series.world.executor
    assert isinstance(executor, RoundsExecutor)
    return executor


def counted(number: int, given: dict[str, float]) -> bytes:
    """One more than the round before kept."""
    return encode_tensors({"n/n": np.asarray(given.get("n/n", 0.0) + 1.0)})


def files_of(series: Series) -> list[str]:
    return sorted(path.name for path in (series.stop.rounds / "kept").glob("*"))


def test_each_round_gets_what_the_one_before_kept(series: Series) -> None:
    executor_of(series).keeps = counted
    daemon = series.steps()
    for number in (2, 3):
        series.instruct(number * 10.0)
        series.steps(daemon=daemon)
    assert executor_of(series).given == [{}, {"n/n": 1.0}, {"n/n": 2.0}]
    assert files_of(series) == ["3.safetensors"]
    assert [series.update(sent) for sent in series.sent()] == [1.0, 21.0, 31.0]
    series.end()
    series.steps(20, daemon=daemon)
    assert series.record().outcome == "departed"
    assert not (series.stop.rounds / "kept").exists()


def test_what_is_not_kept_again_stays(series: Series) -> None:
    executor_of(series).keeps = lambda number, given: counted(1, {}) if number == 1 else None
    daemon = series.steps()
    for number in (2, 3):
        series.instruct(number * 10.0)
        series.steps(daemon=daemon)
    assert executor_of(series).given == [{}, {"n/n": 1.0}, {"n/n": 1.0}]
    assert files_of(series) == ["1.safetensors"]


def test_a_round_computed_again_starts_with_what_the_round_before_kept(series: Series) -> None:
    """Not with what the lost run had kept in this round already."""
    executor = executor_of(series)
    executor.keeps = counted
    daemon = series.steps()
    series.instruct(10.0)
    working, executor._work = executor._work, lambda job_id: None  # type: ignore[method-assign]
    series.steps(3, daemon=daemon)
    lost = executor.root / series.stop.job_id / "rounds" / "2"
    lost.mkdir()
    (lost / KEPT).write_bytes(counted(2, {"n/n": 99.0}))
    executor.die()
    executor._work = working  # type: ignore[method-assign]
    series.steps(daemon=daemon)
    assert len(executor.started) == 2
    assert executor.given == [{}, {"n/n": 1.0}]
    series.instruct(20.0)
    series.steps(daemon=daemon)
    assert executor.given == [{}, {"n/n": 1.0}, {"n/n": 2.0}]


@pytest.mark.parametrize("after", range(24))
def test_a_station_killed_after_any_step_keeps_the_same(series: Series, after: int) -> None:
    executor_of(series).keeps = counted
    daemon = series.begin()
    for step in range(40):
        if step == after:
            daemon = series.world.daemon()
        daemon.step()
        if len(series.sent()) == series.number < 3:
            series.instruct(series.number * 10.0)
    assert executor_of(series).given == [{}, {"n/n": 1.0}, {"n/n": 2.0}]
    assert files_of(series) == ["3.safetensors"]


def test_what_was_kept_counts_only_with_its_round(series: Series) -> None:
    """A station that is killed between the two steps of finishing a round repeats them."""
    executor_of(series).keeps = counted
    daemon = series.steps()
    series.instruct(10.0)
    files = RoundFiles.of(series.stop)
    before = files.finished
    assert before is not None
    while not (folder := files.in_work()) or not (folder.path / "record.json").exists():
        daemon.step()
    (folder.path / KEPT).replace(series.stop.rounds / "kept" / "2.safetensors")
    assert files.kept() == series.stop.rounds / "kept" / "1.safetensors"
    series.steps(daemon=series.world.daemon())
    assert files.kept() == series.stop.rounds / "kept" / "2.safetensors"
    assert files_of(series) == ["2.safetensors"]


def test_what_is_kept_does_not_leave_with_an_update(series: Series) -> None:
    executor_of(series).keeps = lambda number, given: encode_tensors({"n/n": np.asarray(1234.5)})
    daemon = series.steps()
    series.instruct(10.0)
    series.steps(daemon=daemon)
    series.end()
    series.steps(20, daemon=daemon)
    assert len(series.sent()) == 2
    for sent in series.sent():
        files = series.files_of(sent)
        assert set(files) == {"cargo.json", "update.safetensors"}
        assert not any(np.float64(1234.5).tobytes() in content for content in files.values())
    assert series.record().cargos == ()


def large(series: Series, kept: Path) -> None:
    with kept.open("wb") as file:
        os.truncate(file.fileno(), 2**40)


def linked(series: Series, kept: Path) -> None:
    secret = series.world.root / "secret.safetensors"
    secret.write_bytes(counted(1, {}))
    kept.symlink_to(secret)


def pickled(series: Series, kept: Path) -> None:
    kept.write_bytes(b"\x80\x04N.")


def with_a_type_that_numpy_lacks(series: Series, kept: Path) -> None:
    kept.write_bytes(counted(1, {}).replace(b'"F64"', b'"BF16"').replace(b"0,8", b"0,2"))


def longer_than_its_arrays(series: Series, kept: Path) -> None:
    kept.write_bytes(counted(1, {}) + b"rows")


@pytest.mark.parametrize(
    "left", [large, linked, pickled, with_a_type_that_numpy_lacks, longer_than_its_arrays]
)
def test_anything_else_than_arrays_ends_the_series(
    series: Series, left: Callable[[Series, Path], None]
) -> None:
    def keeps(number: int, given: dict[str, float]) -> None:
        left(series, executor_of(series).root / series.stop.job_id / "rounds" / "1" / KEPT)

    executor_of(series).keeps = keeps
    series.steps(20)
    assert series.sent() == []
    assert series.record().code == "round-kept"
    assert not (series.stop.rounds / "kept").exists()
