"""What `publish` writes is what the station's airlock reads: one seam, held from both sides."""

from __future__ import annotations

import json

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from phtlab.runtime import publish
from phtlab.station.airlock.check_outputs import pass_outputs
from phtlab.station.policy.airlock_actions import (
    FigureActions,
    FileActions,
    ScalarActions,
    TableActions,
)
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.train.documents.manifest import Output
from tests.station.airlock.run_leftovers import LeftInMemory

mpl.use("agg")


@pytest.fixture
def passed(tmp_path, monkeypatch):
    """Publishes a value in a sandbox's environment, and passes it through the airlock."""
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.setenv("PHTLAB_JOB", str(tmp_path / "job.json"))
    monkeypatch.setenv("PHTLAB_OUT", str(out))
    rules = AirlockRules(
        kinds=("table", "scalar", "figure", "model", "file"),
        files=FileActions(unchecked="pass"),
        tables=TableActions(uncounted="pass"),
        scalars=ScalarActions(uncounted="pass"),
        figures=FigureActions(uncounted="pass"),
    )

    def passed(value, kind, counts=None):
        model = {"of": True, "tensors": ("coef", "n")} if kind == "model" else {}
        output = Output(name="o", kind=kind, counts=counts, **model)
        job = {"version": 1, "kernel": "python3", "seconds": 1, "outputs": [output.model_dump()]}
        (tmp_path / "job.json").write_text(json.dumps(job))
        said = {"of": 120, "tensors": ["coef", "n"]} if kind == "model" else {}
        publish("o", value, kind=kind, counts=counts, **said)
        left = LeftInMemory(lambda name: (out / "outputs" / name).read_bytes())
        result = pass_outputs((output,), left, rules)[0]
        return result.verdict, result.files

    return passed


def figure():
    from matplotlib import pyplot as plt

    drawn, axes = plt.subplots()
    axes.hist(np.repeat([1.0, 2.0], 15), bins=[0, 1.5, 3], label="age")
    plt.close(drawn)
    return drawn


@pytest.mark.parametrize(
    ("value", "kind", "counts"),
    [
        (pd.DataFrame({"sex": ["f", "m"], "n": [12, 34], "mean": [1.5, None]}), "table", "n"),
        (pd.DataFrame({"day": pd.to_datetime(["2026-01-31"]), "x": [True]}), "table", None),
        (np.float64(0.25), "scalar", None),
        (120, "scalar", "n"),
        (figure(), "figure", "y"),
        (figure(), "figure", None),
        ({"coef": np.ones((2, 3)), "n": 12}, "model", None),
        (b"content", "file", None),
    ],
)
def test_output_of_each_kind_is_released(passed, value, kind, counts):
    verdict, files = passed(value, kind, counts)

    assert verdict.verdict == "released", verdict
    assert files
