"""`receive`: the default where nothing was handed on, else what the station put in place."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phtlab.runtime import ReceiveError, receive
from phtlab.runtime.model import encode_tensors

JOB = {
    "version": 1,
    "kernel": "python3",
    "seconds": 60,
    "parameters": {},
    "datasets": {},
    "outputs": [],
}


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PHTLAB_JOB", raising=False)


def code_of(*arguments: Any, **declared: Any) -> str:
    with pytest.raises(ReceiveError) as caught:
        receive(*arguments, **declared)
    return caught.value.code


def test_at_home_the_default_is_taken() -> None:
    default = {"w": np.zeros((4, 3))}
    assert receive("m", default=default, arrays={"w": (4, None)}, lowest=-1, highest=1) is default
    assert receive("n", 0.5, lowest=0, highest=1) == 0.5
    assert receive("m", default=None, arrays={"w": (4, 3)}) is None
    assert code_of("m") == "receive-default"


@pytest.mark.parametrize(
    ("default", "code"),
    [
        ({"w": np.zeros((3, 4))}, "receive-default-shape"),
        ({"w": np.zeros(4)}, "receive-default-shape"),
        ({"v": np.zeros((4, 3))}, "receive-default-arrays"),
        ({"w": np.zeros((4, 3)), "v": 1}, "receive-default-arrays"),
        ({"w": np.full((4, 3), 2.0)}, "receive-default-bounds"),
        ({"w": np.full((4, 3), -2.0)}, "receive-default-bounds"),
        ({"w": np.full((4, 3), math.nan)}, "receive-default-bounds"),
    ],
)
def test_a_default_that_no_station_would_hand_on_is_refused(default: Any, code: str) -> None:
    assert code_of("m", default, arrays={"w": (4, 3)}, lowest=-1, highest=1) == code


def test_at_a_station_the_checked_value_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "m.safetensors": encode_tensors({"w": np.array([1.5, 2.5])}),
        "n.json": b'{"value": 0.25}',
        "x.json": b'{"value": null}',
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    received = [
        {"name": "m", "kind": "model", "path": str(tmp_path / "m.safetensors")},
        {"name": "n", "kind": "scalar", "path": str(tmp_path / "n.json")},
        {"name": "x", "kind": "scalar", "path": str(tmp_path / "x.json")},
        {"name": "first", "kind": "scalar", "path": None},
    ]
    job = tmp_path / "job.json"
    job.write_text(json.dumps(JOB | {"received": received}))
    monkeypatch.setenv("PHTLAB_JOB", str(job))
    np.testing.assert_array_equal(receive("m", default=None)["w"], [1.5, 2.5])
    assert receive("n", default=0) == 0.25
    assert math.isnan(receive("x", default=0))
    assert receive("first", default=7) == 7
    assert code_of("other", default=1) == "receive-undeclared"


@pytest.mark.parametrize(
    ("default", "sent", "expected"),
    [
        (0.0, {"m": np.array(1.5)}, 1.5),
        (0, {"m": np.array(3)}, 3),
        (np.zeros(2), {"m": np.array([1.0, 2.0])}, [1.0, 2.0]),
        (None, {"m": np.array([1.0, 2.0])}, [1.0, 2.0]),
        ({"m": 0.0}, {"m": np.array(1.5)}, {"m": 1.5}),
        (0.0, {"w": np.array(1.5)}, {"w": 1.5}),
        (0.0, {"m": np.array(1.5), "w": np.array(2.5)}, {"m": 1.5, "w": 2.5}),
    ],
)
def test_a_single_array_comes_in_the_form_of_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, default: Any, sent: Any, expected: Any
) -> None:
    (tmp_path / "m.safetensors").write_bytes(encode_tensors(sent))
    received = [{"name": "m", "kind": "model", "path": str(tmp_path / "m.safetensors")}]
    job = tmp_path / "job.json"
    job.write_text(json.dumps(JOB | {"received": received}))
    monkeypatch.setenv("PHTLAB_JOB", str(job))
    got = receive("m", default=default)
    assert (got.tolist() if isinstance(got, np.ndarray) else got) == expected
    assert type(got) is (np.ndarray if isinstance(expected, list) else type(expected))


def test_a_default_of_one_array_has_the_shape_that_is_declared() -> None:
    assert receive("m", default=np.zeros(3), arrays={"m": (3,)}).shape == (3,)
    assert code_of("m", np.zeros(4), arrays={"m": (3,)}) == "receive-default-shape"
