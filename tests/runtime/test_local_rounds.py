"""Round and combine cells that their author runs by hand, one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

import phtlab
from phtlab.runtime import CombineError, KeepError, PublishError, ReceiveError, publishing
from tests.limits import LIMIT

PARAMETERS = "import numpy as np\nimport phtlab"
LOAD = """\
x = np.column_stack([np.ones(40), np.arange(40) % 7])
y = 2.0 + 0.5 * x[:, 1]
"""
STEP = """\
beta = phtlab.receive("beta", default=np.zeros(2), arrays={"beta": (2,)}, lowest=-50, highest=50)
seen = phtlab.kept("seen", default=0)
phtlab.keep("seen", seen + 1)
residual = y - x @ beta
phtlab.publish(
    "update", {"g": x.T @ residual, "h": x.T @ x}, kind="model", of=40, tensors=["g", "h"]
)
"""
COMBINE = """\
updates = phtlab.updates("update")
step = np.linalg.solve(updates.sum("h"), updates.sum("g")) / 2
beta = beta + step
phtlab.report(step=np.abs(step).max())
phtlab.send(beta=beta)
"""
END = "phtlab.finish(beta=beta)"


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PHTLAB_JOB", raising=False)
    monkeypatch.setattr(publishing, "_kept", {})
    monkeypatch.setattr(publishing, "_kept_in", {})


def publish(value: float, name: str = "update") -> None:
    phtlab.publish(name, {"g": np.array(value)}, kind="model", of=100, tensors="g")


def code_of(kind: type[Exception], function: Any, *arguments: Any, **given: Any) -> str:
    with pytest.raises(kind) as caught:
        function(*arguments, **given)
    return str(caught.value.code)  # type: ignore[attr-defined]


def executed(tmp_path: Path, *sources: str) -> list[list[str]]:
    """The lines that each cell shows, in a kernel of its own."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(
        notebook, timeout=int(LIMIT), resources={"metadata": {"path": tmp_path}}
    ).execute()
    return [
        [(o["text"] if "text" in o else o["data"]["text/plain"]).strip() for o in cell.outputs]
        for cell in notebook.cells
    ]


def test_run_all_and_the_cells_again_converge(tmp_path: Path) -> None:
    """In a kernel: Run All, then round and combine cells by hand, a combine cell twice."""
    shown = "print(beta.tolist(), seen)"
    round_ = (STEP, COMBINE)
    texts = executed(tmp_path, PARAMETERS, LOAD, *round_, *round_, COMBINE, END, STEP, shown)
    assert texts[2] == ["published update (model, 168 bytes)"]
    assert texts[3] == [
        "round 1 by hand: step = 1",
        "sent beta: run the round and combine cells again for round 2",
    ]
    assert texts[5][0] == "round 2 by hand: step = 0.5"
    assert texts[6][0] == "round 2 by hand: step = 0.5"
    assert texts[7] == ["finished in round 2 by hand: the next round is a first one again"]
    assert texts[9] == ["[0.0, 0.0] 0"]


def test_a_round_sees_what_was_sent_in_the_form_of_its_default() -> None:
    assert phtlab.receive("beta", default=0.0) == 0.0
    publish(1.0)
    assert phtlab.updates("update").sum("g") == 1.0
    assert phtlab.updates("update").stations == ("local",)
    sent = {"w": np.array([1.0, 2.0])}
    phtlab.send(beta=0.5, weights=sent, bias=np.array([3.0]))
    sent["w"][0] = 9.0
    assert phtlab.receive("beta", default=0.0) == 0.5
    assert type(phtlab.receive("beta", default=0.0)) is float
    assert phtlab.receive("bias", default=np.zeros(1)).tolist() == [3.0]
    received = phtlab.receive("weights", default={"w": np.zeros(2)})
    received["w"] += 1
    assert phtlab.receive("weights", default=None)["w"].tolist() == [1.0, 2.0]
    assert phtlab.receive("other", default=7) == 7


@pytest.mark.parametrize(
    "declared", [{"arrays": {"beta": (3,)}}, {"lowest": 3}, {"arrays": {"other": (2,)}}]
)
def test_what_no_station_would_receive_is_refused_here_too(declared: dict[str, Any]) -> None:
    publish(1.0)
    phtlab.send(beta={"beta": np.array([1.0, 2.0])})
    if "other" in declared.get("arrays", {}):
        declared["arrays"] = {"other": (2,), "beta": (2,)}
    assert code_of(ReceiveError, phtlab.receive, "beta", None, **declared) == "receive-sent"


def test_scalars_are_combined_and_tables_are_not() -> None:
    phtlab.publish("loss", 0.5, kind="scalar")
    phtlab.publish("counts", {"sex": ["f"], "n": [20]}, counts="n")
    assert phtlab.updates("loss").mean() == 0.5
    assert code_of(CombineError, phtlab.updates, "counts") == "combine-update"


def test_each_round_publishes_each_output_once_and_anew() -> None:
    for number in range(1, 4):
        publish(float(number))
        assert code_of(PublishError, publish, 9.0) == "output-twice"
        assert phtlab.updates("update").sum() == number
        phtlab.send(beta=float(number))
    publish(4.0, "other")
    assert code_of(CombineError, phtlab.updates, "update") == "combine-update"


def test_after_the_end_comes_a_first_round() -> None:
    publish(1.0)
    phtlab.keep("n", 1)
    phtlab.send(beta=2.0)
    phtlab.finish()
    assert phtlab.kept("n", default=0) == 0
    assert phtlab.receive("beta", default=1.0) == 1.0


def test_without_a_round_or_at_a_station_nothing_is_combined(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert code_of(CombineError, phtlab.send, beta=1) == "combine-outside"
    publish(1.0)
    monkeypatch.setenv("PHTLAB_JOB", str(tmp_path / "job.json"))
    assert code_of(CombineError, phtlab.send, beta=1) == "combine-outside"


def test_what_is_kept_here_is_there_in_the_form_of_the_default() -> None:
    momentum = {"w": np.array([1.0]), "b": np.array(2.0)}
    phtlab.keep("momentum", momentum)
    phtlab.keep("seed", 2**62 + 1)
    phtlab.keep("rows", np.array([True, False]))
    momentum["w"][0] = 9.0
    found = phtlab.kept("momentum")
    assert {name: array.tolist() for name, array in found.items()} == {"w": [1.0], "b": 2.0}
    found["w"][0] = 9.0
    assert phtlab.kept("momentum")["w"].tolist() == [1.0]
    assert phtlab.kept("seed", default=0) == 2**62 + 1
    assert phtlab.kept("rows", default=None).tolist() == [True, False]
    assert phtlab.kept("rows").tolist() == [True, False]
    assert phtlab.kept("rows", default={})["rows"].tolist() == [True, False]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("Seed", 1, "keep-name"),
        ("a/b", 1, "keep-name"),
        ("generator", np.random.default_rng(1), "keep-value"),
        ("words", "text", "keep-value"),
        ("words", {"a": np.array(["x"])}, "keep-value"),
        ("nothing", {}, "keep-value"),
        ("empty", np.zeros((0, 3)), "keep-array"),
        ("long", {120 * "a": 1.0, 127 * "b": 1.0}, "keep-array"),
    ],
)
def test_what_is_not_kept(name: str, value: Any, code: str) -> None:
    assert code_of(KeepError, phtlab.keep, name, value) == code
    assert code_of(KeepError, phtlab.kept, name) == "kept-default"
