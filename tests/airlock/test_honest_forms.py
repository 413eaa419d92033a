"""What is caught where it tells of few people leaves where it does not."""

from __future__ import annotations

from pathlib import Path

from tests.attack.publishing import Airlock, model, scalar, table


def test_honest_outputs_of_these_forms_leave(tmp_path: Path) -> None:
    airlock = Airlock(tmp_path)
    both = {"sex": ["f", "m"], "n": [96, 208], "share": [96 / 304, 208 / 304], "ill": [40, 90]}
    outputs = {
        "a": table(both | {"age": [56.0, 54.0]}),
        "b": scalar(131.6, of=304),
        "c": model({"w": [1.0] * 5}, of=304, names=("w",)),
    }
    assert {one.verdict for one in airlock.stop(**outputs).values()} == {"released"}
