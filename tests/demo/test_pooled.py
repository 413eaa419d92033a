"""What the demonstration compares its federated figures with, checked by other means."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from phtlab.demo.heart import HOSPITALS, write_patients
from phtlab.demo.pooled import largest_difference, patients, pooled_finding, pooled_model
from phtlab.demo.showcase import DATA
from phtlab.demo.world import World
from phtlab.errors import SettingsError
from phtlab.share import share
from tests.raising import raises_code


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return patients(share(DATA))


def test_the_data_are_the_published_ones(rows):
    assert len(rows) == 920
    assert (rows.disease == "yes").sum() == 509
    sizes = rows.groupby("station").size().to_dict()
    assert sizes == {"cleveland": 304, "hungary": 293, "switzerland": 123, "va-long-beach": 200}


def test_each_hospital_gets_its_own_rows_without_patient_numbers(tmp_path):
    written = {s: write_patients(share(DATA), s, tmp_path / f"{s}.csv") for s in HOSPITALS}
    assert sum(written.values()) == 920
    columns = pd.read_csv(tmp_path / "hungary.csv").columns
    assert "id" not in columns and "dataset" not in columns


def test_the_pooled_model_is_scikit_learns(rows):
    model = pooled_model(rows)
    kept = rows.dropna(subset=["thalch"])
    kept = kept[kept.station != "switzerland"]
    x = np.column_stack([kept.age - 50, kept.disease == "yes"])
    fitted = LinearRegression().fit(x, kept.thalch)
    assert model.coefficient["intercept"] == pytest.approx(fitted.intercept_, rel=1e-12)
    assert list(model.coefficient[["age", "disease"]]) == pytest.approx(list(fitted.coef_))


def test_small_cells_are_not_in_the_pooled_finding(rows):
    finding = pooled_finding(rows).set_index(["variable", "disease"])
    assert finding.n["age (years)", "no"] == 411 - 8


def test_a_missing_figure_is_no_agreement():
    whole = pd.DataFrame({"n": [1.0, 2.0]}, index=["a", "b"])
    assert np.isnan(largest_difference(whole.loc[["a"]], whole))
    assert largest_difference(whole * (1 + 1e-6), whole) == pytest.approx(1e-6)


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.docx").touch()
    with raises_code(SettingsError, "demo-folder"):
        World(tmp_path).found(lambda doing: None)
    assert (tmp_path / "thesis.docx").exists()
