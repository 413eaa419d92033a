"""Instructions and values at a station: what is not as signed and declared is not computed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phtlab.runtime.model import encode_tensors
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.manifest import DeclaredArray, Received
from tests.station.pipeline.rounds_series import Series, archive_of, make_series
from tests.station.station_world import identity


@pytest.fixture
def series(tmp_path: Path) -> Series:
    made = make_series(tmp_path)
    made.steps()
    return made


FORGED: dict[str, dict[str, Any]] = {
    "the researcher's own key": {"signer": identity("ada")},
    "another journey's key": {"signer": Identity.generate("journey")},
    "another journey": {"journey": "sha256:" + 64 * "0"},
    "a number further on": {"number": 3},
    "another instruction before": {"previous": "sha256:" + 64 * "1"},
    "a record that it has not signed": {"heard": {"cleveland": "sha256:" + 64 * "2"}},
    "too few stations": {"heard": {}},
}


@pytest.mark.parametrize("forged", FORGED)
def test_an_instruction_that_does_not_verify_is_not_followed(series: Series, forged: str) -> None:
    series.show(series.instruct(10.0, shown=False, **FORGED[forged]))
    daemon = series.steps()
    assert len(series.sent()) == 1
    series.world.central.instructed.clear()
    series.instruct(10.0)
    series.world.ahead += timedelta(hours=1)
    series.steps(daemon=daemon)
    assert [series.update(sent) for sent in series.sent()] == [1.0, 11.0], "a true one is"


def test_an_instruction_is_followed_once(series: Series) -> None:
    envelope = series.instruct(10.0)
    daemon = series.steps()
    series.show(envelope)
    series.world.ahead += timedelta(hours=1)
    series.steps(daemon=daemon)
    assert len(series.sent()) == 2


def test_no_round_follows_the_last_of_the_order(tmp_path: Path) -> None:
    series = make_series(tmp_path, most=2)
    daemon = series.steps()
    series.instruct(10.0)
    series.steps(daemon=daemon)
    series.instruct(20.0)
    series.steps(daemon=daemon)
    assert len(series.sent()) == 2
    series.world.central.instructed.pop()
    series.chain = series.world.central.instructed[-1].instruction.digest
    series.number = 2
    series.end()
    series.world.ahead += timedelta(hours=1)
    series.steps(20, daemon=daemon)
    assert series.record().outcome == "departed"


def tensors(**arrays: Any) -> bytes:
    return encode_tensors({name: np.asarray(value) for name, value in arrays.items()})


FOREIGN = {
    "beyond its bounds": {"beta.safetensors": tensors(beta=2e6)},
    "no number": {"beta.safetensors": tensors(beta=np.nan)},
    "another array": {"beta.safetensors": tensors(gamma=1.0)},
    "one array more": {"beta.safetensors": tensors(beta=1.0, gamma=1.0)},
    "no model": {"beta.safetensors": b"x" * 100},
    "another value": {"gamma.safetensors": tensors(gamma=1.0)},
}


@pytest.mark.parametrize("foreign", FOREIGN)
def test_values_other_than_declared_end_the_stop_before_any_cell(
    series: Series, foreign: str
) -> None:
    series.instruct(content=archive_of(FOREIGN[foreign]))
    series.steps(20)
    record = series.record()
    assert (record.outcome, record.code) == ("failed", "order-received")
    assert series.world.executor.computed == [1]  # type: ignore[attr-defined]


def test_arrays_have_the_shapes_that_are_declared(tmp_path: Path) -> None:
    received = Received(name="beta", arrays=(DeclaredArray(name="beta", shape=(3,)),))
    series = make_series(tmp_path, received=received)
    series.steps()
    series.instruct(np.zeros(4))
    series.steps(20)
    assert series.record().code == "order-received"


def test_values_that_are_sealed_to_others_end_the_stop(series: Series) -> None:
    series.instruct(1.0, to=("hungary",))
    series.steps(20)
    assert series.record().code == "order-received"


def test_large_values_come_through_the_registry(tmp_path: Path) -> None:
    series = make_series(tmp_path, received=Received(name="beta"))
    series.world.executor.compute = lambda number, beta: _update(number)  # type: ignore
    series.steps()
    series.instruct(content=archive_of({"beta.safetensors": tensors(beta=0.5)}) + bytes(300_000))
    assert series.world.central.instructed[-1].values is None
    series.steps(20)
    assert len(series.sent()) == 2


def _update(number: int) -> dict[str, bytes]:
    from tests.station.pipeline.rounds_series import update_files

    return update_files(float(number))
