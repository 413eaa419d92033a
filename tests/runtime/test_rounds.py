"""Rounds in a kernel that stays: asked for by files, answered by files, each computed once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from phtlab.runtime.model import decode_tensors, encode_tensors
from phtlab.runtime.rounds.keeping import KEPT
from tests.limits import LIMIT
from tests.runtime.conftest import Sandbox
from tests.runtime.round_requests import RoundRequests

LOAD = "import phtlab, os\nstarted = 0"
ROUND = """\
started += 1
beta = phtlab.receive("beta", default={"b": 0.0})
phtlab.publish("update", {"b": beta["b"] + started}, kind="model", of=100, tensors="b")
print("round", started)
"""
OUTPUTS = [{"name": "update", "kind": "model", "counts": None, "of": True, "tensors": ["b"]}]
RECEIVED = [{"name": "beta", "kind": "model", "path": None}]


class Rounds(RoundRequests):
    """The station's end: asks for rounds, and reads what they publish."""

    def update(self, number: int) -> float:
        folder = self.sandbox.out / "rounds" / str(number) / "outputs"
        return float(decode_tensors((folder / "update.safetensors").read_bytes())["b"])


@pytest.fixture
def rounds(sandbox: Sandbox) -> Iterator[Rounds]:
    yield Rounds(sandbox)


def run(rounds: Rounds, *cells: str, first: int = 1, again: int = 4, **more: Any) -> Any:
    rounds.sandbox.cells = list(cells)
    rounds.sandbox.outputs = OUTPUTS
    rounds.sandbox.write(received=RECEIVED, rounds={"cells": [again], "first": first, **more})
    return rounds.sandbox.start()


def beta(value: float) -> dict[str, bytes]:
    return {"beta.safetensors": encode_tensors({"b": np.array(value)})}


def test_each_round_runs_in_the_same_kernel_with_the_values_sent(rounds: Rounds) -> None:
    with run(rounds, LOAD, ROUND) as process:
        assert rounds.answer(1)["outcome"] == "completed"
        assert rounds.update(1) == 1
        rounds.ask(2, beta(10))
        assert [cell["cell"] for cell in rounds.answer(2)["cells"]] == [4]
        assert rounds.update(2) == 12
        assert not (rounds.sandbox.out / "rounds/1").exists()
        rounds.ask(5, beta(20))
        rounds.answer(5)
        assert rounds.update(5) == 23
        rounds.ask(6, ends=True)
        assert process.wait(LIMIT) == 0
    record = rounds.sandbox.record()
    assert (record["outcome"], record["error"]) == ("completed", None)
    (said,) = rounds.sandbox.executed()["cells"][1]["outputs"]
    assert said["text"] == "round 3\n"


def test_combine_cells_never_run_at_a_station(rounds: Rounds) -> None:
    stops = "raise SystemError('a combine cell runs')"
    with run(rounds, LOAD, ROUND, stops, combine=[6]) as process:
        rounds.answer(1)
        progress = json.loads((rounds.sandbox.out / "progress.json").read_bytes())
        assert (progress["done"], progress["cells"]) == (2, 2)
        rounds.ask(2, beta(10))
        assert [cell["cell"] for cell in rounds.answer(2)["cells"]] == [4]
        rounds.ask(3, ends=True)
        assert process.wait(LIMIT) == 0
    assert rounds.sandbox.record()["outcome"] == "completed"
    last = rounds.sandbox.executed()["cells"][2]
    assert (last["source"], last["outputs"]) == (stops, [])


@pytest.mark.parametrize(
    "metadata",
    [
        {"phtlab": {"cell": 6, "role": "combine"}},
        {"tags": ["combine"]},
        {"phtlab": {"cell": 6, "role": "station"}, "tags": ["combine"]},
    ],
)
def test_a_cell_that_a_reader_sees_as_combine_never_runs(
    sandbox: Sandbox, metadata: dict[str, Any]
) -> None:
    sandbox.cells = ["x = 1", "raise SystemError"]
    sandbox.write()
    path = sandbox.root / "in/notebook.ipynb"
    notebook = json.loads(path.read_bytes())
    notebook["cells"][1]["metadata"] = metadata
    path.write_text(json.dumps(notebook))
    with sandbox.start() as process:
        assert process.wait(LIMIT) == 0
    assert sandbox.record()["outcome"] == "completed"


@pytest.mark.parametrize(
    "asked",
    [
        {"cells": [4], "combine": [4]},
        {"cells": [4], "combine": 6},
        {"cells": [4], "combine": [0]},
        {"cells": [], "combine": [6]},
    ],
)
def test_a_job_with_other_rounds_is_refused(rounds: Rounds, asked: dict[str, Any]) -> None:
    rounds.sandbox.cells = [LOAD, ROUND]
    rounds.sandbox.write(rounds=asked)
    with rounds.sandbox.start() as process:
        assert process.wait(LIMIT) == 2


def test_a_round_that_was_asked_for_before_is_not_computed_again(rounds: Rounds) -> None:
    with run(rounds, LOAD, ROUND) as process:
        rounds.answer(1)
        rounds.ask(2, beta(1))
        rounds.answer(2)
        rounds.ask(1, beta(5))
        rounds.ask(2, beta(5))
        rounds.ask(3, ends=True)
        assert process.wait(LIMIT) == 0
    assert rounds.update(2) == 3


def test_a_run_may_begin_with_a_later_round(rounds: Rounds) -> None:
    rounds.ask(7, beta(100))
    with run(rounds, LOAD, ROUND, first=7) as process:
        rounds.answer(7)
        assert rounds.update(7) == 101
        rounds.ask(8, ends=True)
        assert process.wait(LIMIT) == 0


def test_a_round_that_fails_ends_the_run(rounds: Rounds) -> None:
    with run(rounds, LOAD, ROUND + "\nif started == 2:\n    raise ValueError") as process:
        rounds.answer(1)
        rounds.ask(2)
        assert process.wait(LIMIT) == 0
    record = rounds.sandbox.record()
    assert (record["outcome"], record["error"]["cell"]) == ("cell-failed", 4)
    assert not (rounds.sandbox.out / "rounds/2/run.json").exists()


def test_a_kernel_that_dies_while_it_waits_ends_the_run(rounds: Rounds) -> None:
    dies = "\nimport threading, signal\nthreading.Timer(0.2, os.kill, (os.getpid(), 9)).start()"
    with run(rounds, LOAD, ROUND + dies) as process:
        rounds.answer(1)
        assert process.wait(LIMIT) == 0
    assert rounds.sandbox.record()["outcome"] in ("kernel-died", "out-of-memory")


def test_waiting_for_a_round_is_no_time_of_the_run(rounds: Rounds) -> None:
    rounds.sandbox.seconds = 2.0
    with run(rounds, LOAD, ROUND) as process:
        rounds.answer(1)
        time.sleep(2.5)
        rounds.ask(2)
        rounds.answer(2)
        rounds.ask(3, ends=True)
        assert process.wait(LIMIT) == 0
    assert rounds.sandbox.record()["outcome"] == "completed"


def test_a_hundred_rounds_leave_one_folder_and_one_transcript(rounds: Rounds) -> None:
    with run(rounds, LOAD, ROUND) as process:
        for number in range(1, 101):
            rounds.answer(number)
            rounds.ask(number + 1, beta(number), ends=number == 100)
        assert process.wait(LIMIT) == 0
    assert [path.name for path in (rounds.sandbox.out / "rounds").iterdir()] == ["100"]
    assert len(rounds.sandbox.executed()["cells"][1]["outputs"]) == 1
    assert rounds.update(100) == 99 + 100


def test_strangers_in_the_way_do_not_stop_a_round(rounds: Rounds) -> None:
    """What a kernel puts where the runtime writes is replaced, or fails the run."""
    blocks = "\nos.makedirs(os.environ['PHTLAB_OUT'] + '/rounds/3/outputs/update.json')"
    with run(rounds, LOAD, ROUND + blocks) as process:
        rounds.answer(1)
        rounds.ask(3)
        assert process.wait(LIMIT) == 0
    assert rounds.sandbox.record()["outcome"] == "output-error"
    assert not (rounds.sandbox.out / "rounds/3/run.json").exists()


KEEPS = """\
seen = phtlab.kept("seen", default=0)
phtlab.keep("seen", seen + 1)
phtlab.keep("last", {"w": np.array([1.0, seen])})
assert phtlab.kept("seen", default=0) == seen + 1
phtlab.publish("update", {"b": seen}, kind="model", of=100, tensors="b")
"""


def kept(rounds: Rounds, number: int) -> dict[str, Any]:
    path = rounds.sandbox.out / "rounds" / str(number) / KEPT
    return {name: array.tolist() for name, array in decode_tensors(path.read_bytes()).items()}


def test_what_is_kept_lies_beside_the_outputs_and_comes_back(rounds: Rounds) -> None:
    with run(rounds, "import phtlab\nimport numpy as np", KEEPS) as process:
        rounds.answer(1)
        assert rounds.update(1) == 0
        assert kept(rounds, 1) == {"seen/seen": 1, "last/w": [1.0, 0.0]}
        content = (rounds.sandbox.out / "rounds/1" / KEPT).read_bytes()
        outputs = (rounds.sandbox.out / "rounds/1/outputs").iterdir()
        assert {path.name for path in outputs} == {"update.safetensors", "update.json"}
        rounds.ask(2, {KEPT: content})
        rounds.answer(2)
        assert kept(rounds, 2) == {"seen/seen": 2, "last/w": [1.0, 1.0]}
        rounds.ask(3, ends=True)
        assert process.wait(LIMIT) == 0


def test_what_the_station_gives_counts_and_not_what_the_kernel_remembers(rounds: Rounds) -> None:
    with run(rounds, "import phtlab\nimport numpy as np", KEEPS) as process:
        rounds.answer(1)
        rounds.ask(2, {KEPT: encode_tensors({"seen/seen": np.array(7)})})
        rounds.answer(2)
        assert kept(rounds, 2) == {"seen/seen": 8, "last/w": [1.0, 7.0]}
        rounds.ask(3, ends=True)
        assert process.wait(LIMIT) == 0


def test_a_run_that_begins_with_a_later_round_has_what_was_kept(rounds: Rounds) -> None:
    rounds.ask(7, {KEPT: encode_tensors({"seen/seen": np.array(6)})})
    with run(rounds, "import phtlab\nimport numpy as np", KEEPS, first=7) as process:
        rounds.answer(7)
        assert rounds.update(7) == 6
        rounds.ask(8, ends=True)
        assert process.wait(LIMIT) == 0


@pytest.mark.parametrize("call", ["phtlab.keep('a', 1)", "phtlab.kept('a', default=1)"])
def test_station_cells_keep_nothing(rounds: Rounds, call: str) -> None:
    with run(rounds, f"import phtlab\n{call}", ROUND) as process:
        assert process.wait(LIMIT) == 0
    error = rounds.sandbox.record()["error"]
    assert (error["type"], error["cause"]["code"]) == ("KeepError", "keep-outside")
