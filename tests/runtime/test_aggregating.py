"""An aggregator's run: combine cells alone, on the updates that the station puts into a round."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phtlab.runtime.errors import JobError
from phtlab.runtime.job import read_job
from phtlab.runtime.model import decode_tensors, encode_tensors
from phtlab.runtime.notebook_run import code_cells
from tests.limits import LIMIT
from tests.runtime.conftest import Sandbox, notebook
from tests.runtime.round_requests import RoundRequests

STATION = "raise SystemError('a station cell runs')"
ROUND = """\
import numpy as np, phtlab
from phtlab import receive
beta = receive("beta", default=np.full(2, start))
raise SystemError('a round cell runs')
"""
COMBINE = """\
seen = globals().get("seen", 0) + 1
beta = beta + np.asarray(phtlab.updates("update").sum("g")) * rate
phtlab.report(loss=phtlab.updates("loss").mean(), seen=seen)
if seen == 2:
    phtlab.finish(beta=beta, seen=seen)
else:
    phtlab.send(beta=beta)
"""
FIRST_COMBINE = 6
ASKED = {
    "stations": ["aalen", "ulm"],
    "outputs": {"update": "model", "loss": "scalar"},
    "received": ["beta"],
}


class Aggregator(RoundRequests):
    """The station's end of an aggregator's run."""

    def start(self, *combine: str, round_cell: str = ROUND, first: int = 1, **more: Any) -> Any:
        sources = [STATION, round_cell, *combine]
        numbers = [FIRST_COMBINE + 2 * index for index in range(len(combine))]
        self.sandbox.cells = sources
        rounds = {"cells": numbers, "combine": [], "first": first, "aggregates": True}
        job: dict[str, Any] = {"rounds": rounds, "parameters": {"start": 1.0, "rate": 0.5}}
        self.sandbox.write(**(job | more))
        path = self.sandbox.root / "in/notebook.ipynb"
        written = notebook(*sources)
        for cell in written["cells"][2:]:
            cell["metadata"]["phtlab"]["role"] = "combine"
            cell["metadata"]["tags"] = ["combine"]
        path.write_text(json.dumps(written))
        return self.sandbox.start()

    def combine(self, number: int, files: dict[str, bytes], **asked: Any) -> None:
        combination = json.dumps(ASKED | asked).encode()
        self.ask(number, {"combination.json": combination} | files)

    def decided(self, number: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.outputs(number) / "combined.json").read_bytes())
        return found

    def sent(self, number: int, name: str) -> dict[str, Any]:
        content = (self.outputs(number) / f"sent.{name}.safetensors").read_bytes()
        return {key: array.tolist() for key, array in decode_tensors(content).items()}

    def outputs(self, number: int) -> Path:
        return self.sandbox.out / "rounds" / str(number) / "outputs"


@pytest.fixture
def aggregator(sandbox: Sandbox) -> Aggregator:
    return Aggregator(sandbox)


def model(**arrays: Any) -> bytes:
    return encode_tensors({name: np.asarray(value) for name, value in arrays.items()})


def updates(aalen: float = 1.0, ulm: float = 3.0) -> dict[str, bytes]:
    return {
        "update.aalen.update.safetensors": model(g=[aalen, 0.0]),
        "update.ulm.update.safetensors": model(g=[ulm, 2.0]),
        "update.aalen.loss.json": b'{"value": 0.25}',
        "update.ulm.loss.json": b'{"value": 0.75}',
    }


def failure(aggregator: Aggregator, process: Any) -> dict[str, Any]:
    assert process.wait(LIMIT) == 0
    record = aggregator.sandbox.record()
    assert record["outcome"] == "cell-failed"
    error: dict[str, Any] = record["error"]
    return error


def test_rounds_are_combined_in_one_kernel(aggregator: Aggregator) -> None:
    with aggregator.start(COMBINE) as process:
        aggregator.combine(1, updates())
        assert [cell["cell"] for cell in aggregator.answer(1)["cells"]] == [FIRST_COMBINE]
        assert aggregator.decided(1) == {
            "finished": False,
            "reported": {"loss": 0.5, "seen": 1.0},
            "sent": ["beta"],
        }
        assert aggregator.sent(1, "beta") == {"beta": [3.0, 2.0]}
        sent = (aggregator.outputs(1) / "sent.beta.safetensors").read_bytes()
        aggregator.combine(2, updates() | {"received.beta.safetensors": sent})
        aggregator.answer(2)
        assert aggregator.decided(2) == {
            "finished": True,
            "reported": {"loss": 0.5, "seen": 2.0},
            "sent": ["beta", "seen"],
        }
        assert aggregator.sent(2, "beta") == {"beta": [5.0, 3.0]}
        assert aggregator.sent(2, "seen") == {"seen": 2}
        aggregator.ask(3, ends=True)
        assert process.wait(LIMIT) == 0
    record = aggregator.sandbox.record()
    assert (record["outcome"], record["error"]) == ("completed", None)
    assert sorted(path.name for path in aggregator.outputs(2).iterdir()) == [
        "combined.json",
        "sent.beta.safetensors",
        "sent.seen.safetensors",
    ]


def test_what_stations_received_counts_and_not_what_the_kernel_remembers(
    aggregator: Aggregator,
) -> None:
    with aggregator.start("beta = beta + 1\nphtlab.send(beta=beta)") as process:
        aggregator.combine(1, updates())
        aggregator.answer(1)
        aggregator.combine(2, updates() | {"received.beta.safetensors": model(beta=[7.0, 8.0])})
        aggregator.answer(2)
        assert aggregator.sent(2, "beta") == {"beta": [8.0, 9.0]}
        aggregator.combine(3, updates())
        aggregator.answer(3)
        assert aggregator.sent(3, "beta") == {"beta": [2.0, 2.0]}
        aggregator.ask(4, ends=True)
        assert process.wait(LIMIT) == 0


def test_a_run_may_begin_with_a_later_round(aggregator: Aggregator) -> None:
    aggregator.combine(6, {})
    with aggregator.start("phtlab.send(beta=beta)", first=7) as process:
        aggregator.combine(7, updates() | {"received.beta.safetensors": model(beta=[1.5])})
        aggregator.answer(7)
        assert aggregator.sent(7, "beta") == {"beta": [1.5]}
        aggregator.ask(8, ends=True)
        assert process.wait(LIMIT) == 0


def test_waiting_for_the_first_round_is_no_time_of_the_run(aggregator: Aggregator) -> None:
    aggregator.sandbox.seconds = 3.0
    with aggregator.start("phtlab.finish()") as process:
        with pytest.raises(TimeoutError):
            aggregator.wait_for(lambda: process.poll() is not None, 4.0)
        aggregator.combine(1, updates())
        aggregator.answer(1)
        aggregator.ask(2, ends=True)
        assert process.wait(LIMIT) == 0
    assert aggregator.sandbox.record()["outcome"] == "completed"


def test_rounds_that_end_before_the_first_is_combined_complete(aggregator: Aggregator) -> None:
    aggregator.ask(1, ends=True)
    with aggregator.start("raise SystemError") as process:
        assert process.wait(LIMIT) == 0
    record = aggregator.sandbox.record()
    assert (record["outcome"], record["cells"]) == ("completed", [])


def test_a_station_that_published_less_is_left_out_of_this_output(aggregator: Aggregator) -> None:
    source = "phtlab.report(n=len(phtlab.updates('loss')), m=len(phtlab.updates('update')))"
    files = updates()
    del files["update.aalen.loss.json"]
    with aggregator.start(source + "\nphtlab.finish()") as process:
        aggregator.combine(1, files)
        aggregator.answer(1)
        assert aggregator.decided(1)["reported"] == {"n": 1.0, "m": 2.0}
        aggregator.ask(2, ends=True)
        assert process.wait(LIMIT) == 0


def test_an_error_in_a_combine_cell_ends_the_run(aggregator: Aggregator) -> None:
    with aggregator.start("x = 1", "y = x / 0") as process:
        aggregator.combine(1, updates())
        error = failure(aggregator, process)
    assert (error["type"], error["cell"], error["line"]) == ("ZeroDivisionError", 8, 1)
    assert not (aggregator.sandbox.out / "rounds/1/run.json").exists()
    assert not aggregator.outputs(1).exists()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("phtlab.send(other=1)", "CombineError"),
        ("phtlab.send(beta='text')", "CombineError"),
        ("phtlab.publish('update', 1)", "PublishError"),
    ],
)
def test_a_call_that_cannot_be_followed_is_an_error_of_its_cell(
    aggregator: Aggregator, source: str, expected: str
) -> None:
    with aggregator.start(source) as process:
        aggregator.combine(1, updates())
        assert process.wait(LIMIT) == 0
    error = aggregator.sandbox.record()["error"]
    assert (error["type"], error["cell"]) == (expected, FIRST_COMBINE)


def test_a_default_that_cannot_be_computed_is_no_error_of_a_cell(aggregator: Aggregator) -> None:
    cell = "import phtlab\nbeta = phtlab.receive('beta', default=rows)"
    with aggregator.start("phtlab.send(beta=beta)", round_cell=cell) as process:
        aggregator.combine(1, updates())
        error = failure(aggregator, process)
    assert (error["type"], error["cell"], error["line"]) == ("CombineError", None, None)


def test_a_default_that_no_combine_cell_reads_need_not_be_computed(
    aggregator: Aggregator,
) -> None:
    cell = "import phtlab\nbeta = phtlab.receive('beta', default=rows)"
    with aggregator.start("phtlab.send(beta=1.0)", round_cell=cell) as process:
        aggregator.combine(1, updates())
        aggregator.answer(1)
        aggregator.ask(2, ends=True)
        assert process.wait(LIMIT) == 0


def test_a_value_without_default_has_no_name_in_the_first_round(aggregator: Aggregator) -> None:
    cell = "import phtlab\nbeta = phtlab.receive('beta')"
    with aggregator.start("phtlab.send(beta=beta)", round_cell=cell) as process:
        aggregator.combine(1, updates())
        error = failure(aggregator, process)
    assert (error["type"], error["cell"]) == ("NameError", FIRST_COMBINE)
    assert error["cause"]["code"] == "undefined-name"


@pytest.mark.parametrize(
    "source", ["phtlab.finish(Beta=1)", "phtlab.finish(beta=[])", "phtlab.send(beta=[[]])"]
)
def test_a_value_that_cannot_be_left_ends_the_run(aggregator: Aggregator, source: str) -> None:
    with aggregator.start(source) as process:
        aggregator.combine(1, updates())
        error = failure(aggregator, process)
    assert (error["type"], error["cell"]) == ("CombineError", None)
    assert not aggregator.outputs(1).exists()


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"{",
        json.dumps(ASKED | {"stations": [1]}).encode(),
        json.dumps(ASKED | {"outputs": {"update": "table"}}).encode(),
    ],
)
def test_a_combination_of_another_form_ends_the_run(aggregator: Aggregator, content: bytes) -> None:
    with aggregator.start("phtlab.finish()") as process:
        aggregator.ask(1, updates() | {"combination.json": content})
        error = failure(aggregator, process)
    assert (error["type"], error["cell"]) == ("JobError", None)


def test_no_name_of_the_station_lies_among_those_of_cells(aggregator: Aggregator) -> None:
    source = (
        "names = {n for n in globals() if not n.startswith('_')}\n"
        "assert names >= {'np', 'phtlab', 'receive', 'beta', 'start', 'rate'}, names\n"
        "assert not names & {'begin', 'end', 'prepare', 'aggregating'}, names\n"
        "phtlab.finish()"
    )
    with aggregator.start(source) as process:
        aggregator.combine(1, updates())
        aggregator.answer(1)
        aggregator.ask(2, ends=True)
        assert process.wait(LIMIT) == 0


def test_a_round_has_the_time_of_a_run(aggregator: Aggregator) -> None:
    aggregator.sandbox.seconds = 3.0
    with aggregator.start("import time\ntime.sleep(600)") as process:
        aggregator.combine(1, updates())
        assert process.wait(LIMIT) == 0
    record = aggregator.sandbox.record()
    assert (record["outcome"], record["error"]["cell"]) == ("out-of-time", FIRST_COMBINE)


def test_cells_of_an_aggregator_are_those_that_are_named(tmp_path: Path) -> None:
    written = notebook("a = 1", "b = 2", "c = 3")
    written["cells"][1]["metadata"]["tags"] = ["combine"]
    injected = {
        "cell_type": "code",
        "metadata": {"tags": ["injected-parameters"]},
        "source": "start = 2",
    }
    written["cells"].insert(2, injected)
    places = code_cells(written, only=frozenset({4}))
    assert [(place.position, place.number) for place in places] == [(1, 4)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"rounds": {"cells": [4], "aggregates": 1}},
        {"rounds": {"cells": [4], "aggregates": "true"}},
        {"parameters": [1]},
    ],
)
def test_a_job_of_another_form_is_refused(sandbox: Sandbox, wrong: dict[str, Any]) -> None:
    sandbox.write(**wrong)
    with pytest.raises(JobError):
        read_job(str(sandbox.root / "in/job.json"))
