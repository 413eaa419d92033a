"""What leaves in rounds: each passes the airlock, and the series is judged as a whole."""

from __future__ import annotations

import errno
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from phtlab.errors import CentralUnreachableError
from phtlab.station.airlock.history import monthly_amount
from phtlab.station.stops import stop_files
from phtlab.station.stops.stop import Stop
from tests.station.pipeline.rounds_series import POLICY, Series, make_series, update_files


def computing(series: Series, *rounds: dict[str, bytes]) -> Series:
    """The run leaves these files in rounds 1, 2, …."""
    series.world.executor.compute = (  # type: ignore[attr-defined]
        lambda number, beta: rounds[number - 1]
    )
    return series


def two_rounds(series: Series) -> Series:
    daemon = series.steps()
    series.instruct(1.0)
    series.steps(20, daemon=daemon)
    return series


@pytest.mark.parametrize(("of", "code"), [(55, "round-held"), (30, "round-people")])
def test_a_round_of_other_people_than_the_first_ends_the_series(
    tmp_path: Path, of: int, code: str
) -> None:
    """One person fewer is held as a difference; any other number of people is refused too."""
    series = computing(make_series(tmp_path), update_files(1.0), update_files(2.0, of=of))
    two_rounds(series)
    assert len(series.sent()) == 1
    record = series.record()
    assert (record.outcome, record.code) == ("failed", code)


@pytest.mark.parametrize("policy", [POLICY, POLICY + 'uncounted = "pass"\n'])
def test_a_round_of_more_numbers_than_the_first_ends_the_series(
    tmp_path: Path, policy: str
) -> None:
    series = make_series(tmp_path, most=2, policy=policy)
    computing(series, update_files([1.0]), update_files([1.0, 2.0]))
    two_rounds(series)
    assert series.record().code == "round-amount"


def test_an_output_that_would_be_held_ends_the_series(tmp_path: Path) -> None:
    series = computing(make_series(tmp_path), update_files(1.0), update_files([1.0] * 30))
    two_rounds(series)
    record = series.record()
    assert record.code == "round-held"
    assert [output.verdict for output in record.outputs] == ["held"]
    assert len(series.sent()) == 1


@pytest.mark.parametrize(("most", "code"), [(3, ""), (4, "round-budget")])
def test_all_rounds_together_may_hold_few_numbers(tmp_path: Path, most: int, code: str) -> None:
    """Three numbers in each round, of 56 people: 11 numbers are few enough, 12 are not."""
    series = make_series(tmp_path, most=most)
    computing(series, update_files([1.0] * 3)).steps(20)
    assert len(series.sent()) == (not code)
    if code:
        assert series.record().code == code


def test_the_whole_series_is_reserved_in_its_month(tmp_path: Path) -> None:
    series = computing(make_series(tmp_path, most=4), update_files([1.0, 2.0]))
    series.steps()
    (amount,) = monthly_amount.amounts_of_month(series.world.folder.released, series.world.now())
    assert (amount.amount.outputs, amount.amount.numbers) == (4, 8)
    assert sum(amount.values.values()) == 8


def noted(series: Series) -> list[monthly_amount.ReleasedAmount]:
    return monthly_amount.amounts_of_month(series.world.folder.released, series.world.now())


def test_a_series_that_ends_early_counts_what_it_released(tmp_path: Path) -> None:
    series = computing(make_series(tmp_path, most=4), *[update_files([1.0, 2.0])] * 2)
    daemon = series.steps()
    (reserved,) = noted(series)
    series.instruct(1.0)
    series.steps(daemon=daemon)
    series.end()
    series.steps(daemon=daemon)
    assert series.record().outcome == "departed"
    (amount,) = noted(series)
    assert (amount.amount.outputs, amount.amount.numbers) == (2, 4)
    assert 2 * amount.amount.size == reserved.amount.size
    assert sum(amount.values.values()) == 4
    assert amount.reserved == 0


def test_a_series_that_released_nothing_counts_nothing(tmp_path: Path) -> None:
    """It is cancelled after the airlock, before the record of its first round is signed."""
    policy = f"{POLICY}[rounds]\ninterval = 60\n"
    series = computing(make_series(tmp_path, most=4, policy=policy), update_files([1.0, 2.0]))
    daemon = series.steps(20)
    assert len(noted(series)) == 1
    daemon.receive(series.offer.model_copy(update={"cancelled": True}))
    series.steps(daemon=daemon)
    assert series.record().outcome == "cancelled"
    assert noted(series) == []


def test_a_round_counts_whose_record_may_be_at_central(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the station is killed at any later moment, and removes the round's folder first."""
    series = computing(make_series(tmp_path, most=4), *[update_files([1.0, 2.0])] * 2)
    daemon = series.steps()
    series.instruct(1.0)
    monkeypatch.setattr(series.world.central, "put_round", unanswered)
    series.steps(20, daemon=daemon)
    assert (series.stop.rounds / "2" / "record.json").exists()
    daemon.receive(series.offer.model_copy(update={"cancelled": True}))
    series.world.ahead += timedelta(minutes=1)
    with monkeypatch.context() as patch:
        patch.setattr(Stop, "write", refusing(stop_files.RECORD))
        series.steps(20, daemon=daemon)
    assert not (series.stop.rounds / "2").exists()
    series.world.ahead += timedelta(hours=1)
    series.steps(20, daemon=series.world.daemon())
    assert series.record().outcome == "cancelled"
    (amount,) = noted(series)
    assert (amount.amount.outputs, amount.amount.numbers) == (2, 4)


def unanswered(*_: object) -> None:
    raise CentralUnreachableError("Central does not answer.")


def refusing(file: stop_files.StopFile[Any]) -> Callable[..., None]:
    """A way to write a stop's files that fails for one of them, as a full disk does."""
    write = Stop.write

    def written(stop: Stop, which: Any, content: Any) -> None:
        if which is file:
            raise OSError(errno.ENOSPC, "no space")
        write(stop, which, content)

    return written


def test_a_series_that_the_month_has_no_room_for_releases_nothing(tmp_path: Path) -> None:
    series = make_series(tmp_path, most=4, policy=f"{POLICY}[month]\nsize = 9000\n")
    computing(series, update_files(1.0)).steps(20)
    assert series.sent() == []
    assert series.record().code == "round-budget"


def test_answers_leave_on_the_grid_of_the_policy(tmp_path: Path) -> None:
    series = make_series(tmp_path, policy=f"{POLICY}[rounds]\ninterval = 60\n")
    daemon = series.steps(20)
    assert series.sent() == []
    series.world.ahead += timedelta(seconds=59)
    series.steps(daemon=daemon)
    assert series.sent() == []
    series.world.ahead += timedelta(seconds=2)
    series.steps(daemon=daemon)
    assert len(series.sent()) == 1


def test_a_first_round_that_is_checked_again_finds_its_own_reservation(tmp_path: Path) -> None:
    """A station that is killed after it has reserved the series does not count it twice."""
    series = make_series(tmp_path, most=3, policy=f"{POLICY}[month]\nsize = 30000\n")
    computing(series, update_files(1.0))
    daemon = series.begin()
    while not list(series.world.folder.released.glob("amounts/*/*.json")):
        daemon.step()
    (series.stop.rounds / "1" / "sealed.json").unlink(missing_ok=True)
    series.steps(20, daemon=series.world.daemon())
    assert len(series.sent()) == 1
