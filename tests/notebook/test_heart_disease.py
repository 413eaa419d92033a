"""The showcase: its station cells at each hospital, then its aggregate cells, against the rows.

The cells run here as they stand, with a publish and results of the test's own. The runs in
containers are tested elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from phtlab.notebook import Analysis, read_analysis
from phtlab.runtime.figure import figure_table
from phtlab.runtime.model import encode_tensors, tensors_of
from phtlab.runtime.table import columns_of, encode_table

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NAMES = {
    "Cleveland": "cleveland",
    "Hungary": "hungary",
    "Switzerland": "switzerland",
    "VA Long Beach": "va-long-beach",
}
SMALL = 10


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return read_analysis(NOTEBOOKS / "heart_disease.ipynb").require_sound()


@pytest.fixture(scope="module")
def patients() -> pd.DataFrame:
    return pd.read_csv(NOTEBOOKS / "data" / "heart_disease_uci.csv")


@pytest.fixture(autouse=True)
def unseen_figures() -> Iterator[None]:
    """Figures are drawn in memory, and closed."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


class FakeResults:
    """`phtlab.results()` over what the station cells published and the airlock let through."""

    def __init__(self, outputs: dict[str, dict[str, Any]]) -> None:
        self._outputs = outputs
        self.stations = tuple(outputs)

    def table(self, name: str) -> pd.DataFrame:
        frames = [out[name].assign(station=s) for s, out in self._outputs.items()]
        joined = pd.concat(frames, ignore_index=True)
        return joined[["station", *joined.columns.drop("station")]]

    def models(self, name: str) -> dict[str, dict[str, np.ndarray]]:
        return {station: out[name] for station, out in self._outputs.items()}


def run_station(
    analysis: Analysis, rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, min_age: int = 18
) -> dict[str, Any]:
    """What the travelling cells publish on `rows`, before the airlock."""
    published: dict[str, Any] = {}
    fake = ModuleType("phtlab")
    fake.dataset = lambda name: {"heart": rows}[name].copy()  # type: ignore[attr-defined]
    fake.publish = lambda name, value, **given: published.__setitem__(name, value)  # type: ignore[attr-defined]
    monkeypatch.setitem(__import__("sys").modules, "phtlab", fake)
    namespace: dict[str, Any] = {}
    for cell in analysis.travelling_cells:
        exec(compile(cell.source, f"<cell {cell.number}>", "exec"), namespace)
        if cell.role == "parameters":
            namespace["min_age"] = min_age
    return published


def through_airlock(analysis: Analysis, published: dict[str, Any]) -> dict[str, Any]:
    """Rows with a small count are taken out whole, as a station does."""
    released = dict(published)
    for output in analysis.outputs:
        if output.kind == "table" and output.counts:
            table = published[output.name]
            released[output.name] = table[table[output.counts] >= SMALL]
    return released


def run_aggregate(
    analysis: Analysis, outputs: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    fake = SimpleNamespace(results=lambda: FakeResults(outputs))
    monkeypatch.setitem(__import__("sys").modules, "phtlab", fake)
    namespace: dict[str, Any] = {}
    for cell in analysis.aggregate_cells:
        exec(compile(cell.source, f"<cell {cell.number}>", "exec"), namespace)
    return namespace


def hospital(patients: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """The rows of one hospital as its station holds them."""
    return patients[patients.dataset == dataset].drop(columns=["id", "dataset"])


@pytest.fixture
def outputs(
    analysis: Analysis, patients: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> dict[str, dict[str, Any]]:
    return {
        station: through_airlock(
            analysis, run_station(analysis, hospital(patients, dataset), monkeypatch)
        )
        for dataset, station in NAMES.items()
    }


@pytest.fixture
def aggregated(
    analysis: Analysis, outputs: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    return run_aggregate(analysis, outputs, monkeypatch)


def pooled_rows(patients: pd.DataFrame, variable: str) -> pd.DataFrame:
    """The rows that the pooled finding is about: measured, and of an arm that is not small."""
    rows = patients.assign(disease=np.where(patients.num > 0, "yes", "no"))
    rows = rows[rows[variable].notna() & ((rows[variable] > 0) | (variable == "age"))]
    return rows.groupby(["dataset", "disease"]).filter(lambda arm: len(arm) >= SMALL)


def test_the_data_are_920_patients_of_four_hospitals(patients: pd.DataFrame) -> None:
    assert patients.dataset.value_counts().to_dict() == {
        "Cleveland": 304,
        "Hungary": 293,
        "VA Long Beach": 200,
        "Switzerland": 123,
    }
    assert (patients.num > 0).sum() == 509


def test_the_notebook_has_no_findings_and_declares_what_it_publishes(analysis: Analysis) -> None:
    assert analysis.findings == ()
    assert {(o.name, o.kind, o.counts) for o in analysis.outputs} == {
        ("moments", "table", "n"),
        ("by_sex", "table", "n"),
        ("age_hist", "figure", "y"),
        ("heart_rate_model", "model", None),
    }
    assert analysis.datasets == ("heart",)
    assert analysis.parameters.validate({}) == {"min_age": 18}


@pytest.mark.parametrize("variable", ["age", "chol", "trestbps", "thalch"])
def test_pooled_means_and_deviations_equal_those_of_the_rows(
    aggregated: dict[str, Any], patients: pd.DataFrame, variable: str
) -> None:
    finding = aggregated["finding"].set_index(["variable", "disease"])
    rows = pooled_rows(patients, variable)
    for disease, group in rows.groupby("disease"):
        found = finding.loc[(aggregated["labels"][variable], disease)]
        assert found.n == len(group)
        assert found["mean"] == pytest.approx(group[variable].mean(), rel=1e-9)
        assert found.sd == pytest.approx(group[variable].std(), rel=1e-9)


def test_the_federated_regression_equals_the_pooled_one(
    aggregated: dict[str, Any], patients: pd.DataFrame
) -> None:
    rows = patients[(patients.dataset != "Switzerland") & patients.thalch.notna()]
    x = np.column_stack([rows.age - 50, rows.num > 0]).astype(float)
    y = rows.thalch.to_numpy()
    pooled = LinearRegression().fit(x, y)
    residual = y - pooled.predict(x)
    design = np.column_stack([np.ones(len(x)), x])
    spread = residual @ residual / (len(y) - 3)
    error = np.sqrt(spread * np.diag(np.linalg.inv(design.T @ design)))

    model = aggregated["model"]
    assert list(model.index) == ["intercept", "age", "disease"]
    expected = [pooled.intercept_, *pooled.coef_]
    np.testing.assert_allclose(model.coefficient, expected, rtol=1e-9)
    np.testing.assert_allclose(model.standard_error, error, rtol=1e-9)
    np.testing.assert_allclose(model.ci_low, expected - 1.96 * error, rtol=1e-9)
    np.testing.assert_allclose(model.ci_high, expected + 1.96 * error, rtol=1e-9)


def test_a_hospital_with_a_small_arm_takes_no_part_in_the_regression(
    outputs: dict[str, dict[str, Any]],
) -> None:
    withheld = outputs["switzerland"]["heart_rate_model"]
    assert withheld["n"].item() == 0
    assert not withheld["xtx"].any()
    assert [s for s, o in outputs.items() if o["heart_rate_model"]["n"].item()] == [
        "cleveland",
        "hungary",
        "va-long-beach",
    ]


def test_no_hidden_count_follows_from_those_that_are_shown(
    outputs: dict[str, dict[str, Any]],
) -> None:
    # VA Long Beach: 51 without disease, 48 of them men; three women could be had by subtraction.
    assert outputs["va-long-beach"]["by_sex"].empty
    assert outputs["switzerland"]["by_sex"].n.tolist() == [10, 105]
    for out in outputs.values():
        arms = out["moments"].query("variable == 'age'").set_index("disease").n
        for disease, cells in out["by_sex"].groupby("disease"):
            hidden = arms[disease] - cells.n.sum()
            assert hidden == 0 or hidden >= SMALL


def test_the_figure_at_a_hospital_shows_no_small_group(
    analysis: Analysis, patients: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    for dataset in NAMES:
        figure = run_station(analysis, hospital(patients, dataset), monkeypatch)["age_hist"]
        drawn = json.loads(figure_table("age_hist", figure))
        y = [column["name"] for column in drawn["columns"]].index("y")
        assert min(drawn["data"][y]) >= SMALL


def test_a_cholesterol_of_zero_is_not_measured(outputs: dict[str, dict[str, Any]]) -> None:
    assert "chol" not in set(outputs["switzerland"]["moments"].variable)
    chol = outputs["va-long-beach"]["moments"].query("variable == 'chol'")
    assert chol.n.tolist() == [38, 106]


def test_nobody_old_enough_publishes_empty_outputs_and_fails_nothing(
    analysis: Analysis, patients: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = run_station(analysis, hospital(patients, "Hungary"), monkeypatch, min_age=100)
    released = through_airlock(analysis, published)
    assert released["moments"].empty
    assert released["by_sex"].empty
    assert released["heart_rate_model"]["n"].item() == 0
    for output in analysis.outputs:
        if output.kind == "table":
            encode_table(columns_of(output.name, published[output.name], output.counts))
    encode_tensors(tensors_of("heart_rate_model", published["heart_rate_model"]))
    assert b"no group is large enough" in figure_table("age_hist", published["age_hist"])


def test_the_twin_of_the_declared_schema_runs_as_a_hospital_does(
    analysis: Analysis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import tomllib

    from phtlab.station.data.schema import DataSetSchema
    from phtlab.station.data.twin import make_twin

    declared = tomllib.loads((NOTEBOOKS / "data" / "heart.toml").read_text())
    twin = tmp_path / "twin.csv"
    twin.write_bytes(make_twin(DataSetSchema.model_validate(declared)))
    published = run_station(analysis, pd.read_csv(twin), monkeypatch)
    assert published["moments"].variable.nunique() == 4
    assert published["heart_rate_model"]["n"].item() > 100


def test_the_aggregate_figure_has_three_panels(aggregated: dict[str, Any]) -> None:
    figure = aggregated["figure"]
    assert len(figure.axes) == 3
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == [
        "Cleveland",
        "Hungary",
        "Switzerland",
        "VA Long Beach",
        "Together",
    ]
