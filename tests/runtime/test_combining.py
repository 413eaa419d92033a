"""What combine cells call: updates of the stations, values for the next round, and the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import phtlab
from phtlab.runtime import CombineError
from phtlab.runtime.rounds.combining import Combination, combining

STATIONS = ("a", "b", "c")


def combination() -> Combination:
    return Combination(
        3,
        STATIONS,
        {
            "gradient": {
                "b": {"g": np.array([3.0, 4.0]), "n": np.array(20)},
                "a": {"g": np.array([1.0, 2.0]), "n": np.array(10)},
            },
            "single": {"a": {"x": np.array([1, 2])}, "b": {"x": np.array([3, 4])}},
            "loss": {"a": 0.5, "c": 1.5},
            "bent": {"a": {"x": np.zeros(2)}, "b": {"x": np.zeros(3)}},
            "late": {},
        },
        received=frozenset({"beta", "scale"}),
    )


@pytest.fixture
def current() -> Iterator[Combination]:
    with combining(combination()) as current:
        yield current


def code_of(word: str, *arguments: Any, **values: Any) -> str:
    with pytest.raises(CombineError) as caught:
        getattr(phtlab, word)(*arguments, **values)
    return caught.value.code


@pytest.mark.parametrize("word", ["report", "send", "finish"])
def test_outside_of_combine_cells_nothing_is_called(word: str) -> None:
    assert code_of(word, x=1) == "combine-outside"
    assert code_of("updates", "gradient") == "combine-outside"
    with combining(combination()):
        pass
    assert code_of(word, x=1) == "combine-outside"


def test_updates_come_in_the_order_of_the_stations(current: Combination) -> None:
    updates = phtlab.updates("gradient")
    assert updates.stations == ("a", "b")
    assert [update.station for update in updates] == ["a", "b"]
    assert [update["g"].tolist() for update in updates] == [[1, 2], [3, 4]]
    assert len(updates) == 2
    assert updates[1]["n"] == 20
    assert updates[1:].stations == ("b",)


def test_sums_and_means_are_over_stations(current: Combination) -> None:
    updates = phtlab.updates("gradient")
    assert updates.sum("g").tolist() == [4, 6]
    assert updates.mean("g").tolist() == [2, 3]
    assert updates.sum("n") == 30
    assert type(updates.sum("n")) is int
    assert phtlab.updates("single").sum().tolist() == [4, 6]
    assert phtlab.updates("loss").mean() == 1.0
    assert [float(update) for update in phtlab.updates("loss")] == [0.5, 1.5]


def test_what_is_not_there_is_refused(current: Combination) -> None:
    assert code_of("updates", "other") == "combine-update"
    assert code_of("updates", "late") == "combine-update"
    refused: list[tuple[Callable[[], Any], str]] = [
        (lambda: phtlab.updates("gradient").sum("h"), "combine-array"),
        (lambda: phtlab.updates("gradient").sum(), "combine-array"),
        (lambda: phtlab.updates("loss").sum("x"), "combine-array"),
        (lambda: phtlab.updates("gradient")["g"], "combine-index"),  # type: ignore[call-overload]
        (lambda: phtlab.updates("bent").mean("x"), "combine-shapes"),
    ]
    for wrong, code in refused:
        with pytest.raises(CombineError) as caught:
            wrong()
        assert caught.value.code == code


def test_values_are_sent_once_under_names_that_are_received(current: Combination) -> None:
    phtlab.send(beta=np.ones(2))
    phtlab.send(scale=2)
    assert list(current.sent) == ["beta", "scale"]
    assert code_of("send", beta=np.ones(2)) == "combine-sent"
    assert code_of("send", other=1) == "combine-unreceived"
    assert not current.finished


@pytest.mark.parametrize("value", ["text", ["a"], object(), {"w": "text"}, {}, None, {1: 2.0}])
def test_what_is_not_numeric_is_not_sent(current: Combination, value: Any) -> None:
    assert code_of("send", beta=value) == "combine-value"
    assert code_of("finish", other=value) == "combine-value"
    assert not current.sent
    assert not current.finished


def test_finish_ends_and_keeps_its_values(current: Combination) -> None:
    phtlab.send(beta=1)
    phtlab.finish(other={"w": np.ones(1)}, beta=2)
    assert current.finished
    assert current.sent == {"beta": 2, "other": {"w": np.ones(1)}}


def test_numbers_are_reported(current: Combination) -> None:
    phtlab.report(loss=np.float32(0.5), steps=3, rate=np.array([0.25]))
    assert current.reported == {"loss": 0.5, "steps": 3.0, "rate": 0.25}
    for wrong in ("text", None, [1, 2], np.ones(2)):
        assert code_of("report", loss=wrong) == "combine-number"
