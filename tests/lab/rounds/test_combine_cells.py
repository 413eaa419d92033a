"""Combine cells: read from the train's own notebook, run among names that stay."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from phtlab.errors import JourneyError, TrainError
from phtlab.lab.rounds.combine_cells import CombineRun, read_combine_cells
from phtlab.runtime.rounds.combining import Combination
from tests.lab.rounds.series_world import manifest, notebook
from tests.raising import raises_code


def combination(number: int = 1) -> Combination:
    return Combination(number, ("ulm",), {"update": {"ulm": {"g": np.ones(3)}}})


def run_of(combine: str, cell: str = "", **parameters: Any) -> CombineRun:
    return CombineRun(read_combine_cells(notebook(combine, cell), manifest()), parameters)


def test_the_first_round_takes_the_default_of_its_cells() -> None:
    cell = "import numpy as np\nbeta = receive('beta', np.full(3, 2.0))"
    run, first = run_of("import phtlab\nphtlab.send(beta=beta + 1)", cell), combination()
    run.run(first, {})
    assert first.sent["beta"].tolist() == [3.0, 3.0, 3.0]
    second = combination(2)
    run.run(second, {"beta": np.zeros(3)})
    assert second.sent["beta"].tolist() == [1.0, 1.0, 1.0]


def test_a_default_may_use_the_orders_parameters() -> None:
    cell = "beta = phtlab.receive('beta', default=[0.5] * size)"
    run, made = run_of("import phtlab\nphtlab.finish(beta=beta)", cell, size=2), combination()
    run.run(made, {})
    assert made.sent == {"beta": [0.5, 0.5]}
    assert made.finished


def test_a_default_that_cannot_be_computed_here_is_an_error_where_it_is_used() -> None:
    cell = "beta = phtlab.receive('beta', default=start(rows))"
    with raises_code(JourneyError, "round-default"):
        run_of("print(beta)", cell).run(combination(), {})
    run_of("total = 1", cell).run(combination(), {})


def test_names_stay_from_round_to_round() -> None:
    run = run_of("import phtlab\nseen = globals().get('seen', 0) + 1\nphtlab.report(seen=seen)")
    reported = []
    for number in (1, 2, 3):
        made = combination(number)
        run.run(made, {"beta": 0.0})
        reported.append(made.reported)
    assert reported == [{"seen": 1.0}, {"seen": 2.0}, {"seen": 3.0}]


def test_an_error_names_its_cell_and_shows_its_line() -> None:
    run = run_of("x = 1\ny = x / 0\n")
    with pytest.raises(ZeroDivisionError) as caught:
        run.run(combination(7), {})
    last = caught.traceback[-1]
    assert str(last.statement) == "y = x / 0"
    assert "combine cell 3, after round 7" in caught.value.__notes__[0]


def test_in_a_notebook_cells_run_among_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, Any] = {"mine": 3}
    shell = SimpleNamespace(user_ns=names, transform_cell=lambda source: source)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    run_of("theirs = mine + beta").run(combination(), {"beta": 4})
    assert names["theirs"] == 7


def test_a_notebook_without_its_combine_cell_is_refused() -> None:
    content = json.loads(notebook())
    content["cells"].pop()
    with raises_code(TrainError, "combine-missing"):
        read_combine_cells(json.dumps(content).encode(), manifest())


@pytest.mark.parametrize("content", [b"", b"[]", b'{"cells": [{}]}', b"[" * 100_000])
def test_what_is_no_notebook_is_refused(content: bytes) -> None:
    with raises_code(TrainError, "combine-missing"):
        read_combine_cells(content, manifest())
