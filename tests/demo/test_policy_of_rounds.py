"""The notebooks by rounds under the policy of the demonstration's hospitals, without an engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import nbformat
import numpy as np
import pandas as pd
import pytest

import phtlab
from phtlab.demo.heart import HOSPITALS, write_patients
from phtlab.demo.world import POLICY
from phtlab.notebook import Analysis, read_analysis
from phtlab.runtime import publishing
from phtlab.runtime.model import decode_tensors
from phtlab.runtime.rounds.combining import Combination, combining
from phtlab.station.airlock.check_outputs import pass_outputs
from phtlab.station.airlock.history import released_counts, remembered_outputs
from phtlab.train.documents.record import OutputVerdict
from tests.demo.test_policy import PATIENTS, policy
from tests.docs.generate import ROOT
from tests.station.airlock.run_leftovers import LeftInMemory

NOTEBOOKS = ROOT / "notebooks"

pytestmark = pytest.mark.filterwarnings("ignore:constrained_layout not applied")


class Hospital:
    """A notebook's cells at a hospital, whose airlock knows what has left before."""

    def __init__(self, folder: Path, name: str, patch: pytest.MonkeyPatch) -> None:
        mpl.use("Agg")
        self.name = name
        self._folder = folder / name
        self._folder.mkdir()
        self._patch = patch
        self._rows = folder / f"{name}.csv"
        write_patients(PATIENTS, name, self._rows)

    def begin(self, notebook: str) -> dict[str, Any]:
        """Run the cells that are run once; return the names that they leave."""
        names: dict[str, Any] = {}
        self._run(notebook, ("parameters", "station"), names)
        return names

    def _run(self, notebook: str, roles: tuple[str, ...], names: dict[str, Any]) -> None:
        self._made: dict[str, publishing.Published] = {}
        self._patch.setattr(publishing, "_kept", self._made)
        self._patch.setattr(publishing, "_kept_in", {})
        self._patch.setattr(phtlab, "dataset", lambda _: pd.read_csv(self._rows), raising=False)
        for source in cells(notebook, *roles):
            exec(source, names)

    def round(
        self, notebook: str, names: dict[str, Any], values: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Compute a round on `values`; return what left, each by its name."""
        self._patch.setattr(
            phtlab, "receive", lambda name, default, **_: values.get(name, default), raising=False
        )
        self._run(notebook, ("round",), names)
        verdicts = self.release(notebook)
        assert {verdict.verdict for verdict in verdicts} == {"released"}, verdicts
        return {
            output.name: output.value
            if output.kind == "scalar"
            else decode_tensors(output.content[".safetensors"])
            for output in self._made.values()
        }

    def release(self, notebook: str) -> list[OutputVerdict]:
        outputs = analysis(notebook).outputs
        files = {f"{one.name}.json": one.index() for one in self._made.values()}
        for one in self._made.values():
            files |= {one.name + suffix: content for suffix, content in one.content.items()}
        history = released_counts.ReleasedHistory(self._folder, ["heart"], None)
        rules = policy(POLICY).airlock
        passed = pass_outputs(outputs, LeftInMemory(files.__getitem__), rules, history)
        remembered = remembered_outputs.outputs_to_remember(outputs, passed)
        released_counts.note(self._folder, ["heart"], remembered)
        return [one.verdict for one in passed]


def analysis(notebook: str) -> Analysis:
    return read_analysis(NOTEBOOKS / notebook).require_sound()


def cells(notebook: str, *roles: str) -> list[str]:
    return [
        cell.source
        for cell in nbformat.read(NOTEBOOKS / notebook, as_version=4).cells
        if set(roles) & set(cell.metadata.get("tags", []))
    ]


@pytest.fixture
def hospitals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Hospital]]:
    import matplotlib.pyplot as plt

    yield [Hospital(tmp_path, name, monkeypatch) for name in HOSPITALS]
    plt.close("all")


def series(notebook: str, hospitals: list[Hospital], most: int) -> list[Combination]:
    """Run all rounds, up to `most`, as hospitals and `journey.wait()` do."""
    (combine,) = cells(notebook, "combine")
    names = {hospital.name: hospital.begin(notebook) for hospital in hospitals}
    own: dict[str, Any] = {}
    for source in cells(notebook, "parameters"):
        exec(source, own)
    done: list[Combination] = []
    values: dict[str, Any] = {}
    for number in range(1, most + 1):
        left = {h.name: h.round(notebook, names[h.name], values) for h in hospitals}
        by_output: dict[str, dict[str, Any]] = {}
        for station, outputs in left.items():
            for output, value in outputs.items():
                by_output.setdefault(output, {})[station] = value
        combination = Combination(number, tuple(HOSPITALS), by_output)
        received = {r.name: values.get(r.name, np.zeros(4)) for r in analysis(notebook).received}
        own |= received
        with combining(combination):
            exec(combine, own)
        done.append(combination)
        if combination.finished:
            break
        values = combination.sent
    return done


@pytest.mark.parametrize(
    ("notebook", "most", "rounds", "numbers"),
    [("logistic_regression.ipynb", 10, 6, 21), ("neural_network_rounds.ipynb", 20, 20, 20)],
)
def test_no_round_is_held_and_the_series_is_allowed(
    hospitals: list[Hospital], notebook: str, most: int, rounds: int, numbers: int
) -> None:
    """Also after the study of the same patients has left, which an analyst runs first."""
    for hospital in hospitals:
        hospital.begin("heart_disease.ipynb")
        hospital.release("heart_disease.ipynb")
    done = series(notebook, hospitals, most)
    assert len(done) == rounds
    (model,) = (o.name for o in analysis(notebook).outputs if o.kind == "model")
    for arrays in done[-1].contents[model].values():
        assert sum(np.size(values) for values in arrays.values()) == numbers
    assert numbers * most <= policy(POLICY).rounds.without_membership
