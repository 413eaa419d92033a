"""The regression by rounds, as its reader runs it: it is the fit of all rows in one place."""

from __future__ import annotations

import io
from base64 import b64decode

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from phtlab.demo.heart import HOSPITALS
from phtlab.demo.pooled import public_patients
from tests.notebooks.executed import Executed, execute

FIT = "fit.to_dict('list')"
ALONE = "{name: own.to_dict('list') for name, own in alone.items()}"
REPORTS = "results.of_rounds.reports.to_dict('list')"
CHI2 = "chi2"
EXACT = 1e-8

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def showcase(researcher: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Executed:
    folder = tmp_path_factory.mktemp("regression")
    values = [FIT, ALONE, REPORTS, CHI2]
    return execute("logistic_regression.ipynb", folder, researcher, values)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return public_patients().dropna(subset=["thalch", "exang"])


def design(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    x = np.ones((len(rows), 4))
    x[:, 1] = rows["age"] / 10 - 5.4
    x[:, 2] = rows["thalch"] / 10 - 13.8
    x[:, 3] = rows["restecg"].notna() & (rows["restecg"] != "normal")
    return x, rows["exang"].astype(bool).to_numpy(dtype=float)


def pooled_fit(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and standard errors of all rows, by weighted least squares (QR of the rows)."""
    x, y = design(rows)
    beta = np.zeros(x.shape[1])
    for _ in range(50):
        eta = x @ beta
        mean = 0.5 * (1 + np.tanh(eta / 2))
        weight = mean * (1 - mean)
        root = np.sqrt(weight)[:, None]
        q, r = np.linalg.qr(x * root)
        beta = np.linalg.solve(r, q.T @ (root[:, 0] * (eta + (y - mean) / weight)))
    return beta, np.sqrt((np.linalg.inv(r) ** 2).sum(axis=1))


def test_it_is_tried_on_the_twin_and_sent_to_all_hospitals(showcase: Executed) -> None:
    assert "1. twin: departed" in showcase.shown("dry-run")[0]
    route = showcase.shown("wait")[-1]
    for hospital in HOSPITALS:
        assert f"{hospital}: departed" in " ".join(route.split())


def test_the_fit_by_rounds_is_the_pooled_one(showcase: Executed, rows: pd.DataFrame) -> None:
    fit, (beta, errors) = showcase.values[FIT], pooled_fit(rows)
    np.testing.assert_allclose(fit["coefficient"], beta, rtol=0, atol=EXACT)
    np.testing.assert_allclose(fit["standard_error"], errors, rtol=0, atol=EXACT)
    np.testing.assert_allclose(fit["odds_ratio"], np.exp(beta), rtol=EXACT)
    np.testing.assert_allclose(fit["low"], np.exp(beta - 1.96 * errors), rtol=EXACT)
    np.testing.assert_allclose(fit["high"], np.exp(beta + 1.96 * errors), rtol=EXACT)


def test_it_converges_as_newton_steps_do(showcase: Executed, rows: pd.DataFrame) -> None:
    reports = showcase.values[REPORTS]
    assert reports["heard"] == [len(HOSPITALS)] * 6
    steps = reports["step"]
    assert steps[-1] < 1e-10 < steps[-2]
    assert steps == sorted(steps, reverse=True)
    x, y = design(rows)
    likely = 1 / (1 + np.exp(-x @ pooled_fit(rows)[0]))
    deviance = -2 * np.log(np.where(y == 1, likely, 1 - likely)).sum()
    assert reports["deviance"][0] == pytest.approx(2 * len(rows) * np.log(2))
    assert reports["deviance"][-1] == pytest.approx(deviance, abs=1e-7)


def test_a_hospital_alone_is_close_to_its_own_fit(showcase: Executed, rows: pd.DataFrame) -> None:
    """A single step from the common fit: within a fraction of its standard error."""
    assert set(showcase.values[ALONE]) == set(HOSPITALS)
    for hospital, alone in showcase.values[ALONE].items():
        beta, errors = pooled_fit(rows[rows.station == hospital])
        assert (np.abs(np.array(alone["coefficient"]) - beta) < errors).all()


def test_no_small_group_is_in_the_sums(rows: pd.DataFrame) -> None:
    """What the text promises of the variables: their combinations count more than ten patients."""
    x, y = design(rows)
    counts = pd.DataFrame({"station": rows.station, "ecg": x[:, 3], "angina": y}).value_counts()
    assert len(counts) == 4 * len(HOSPITALS)
    assert counts.min() > 10


def test_the_text_gives_the_numbers_of_the_fit(showcase: Executed) -> None:
    fit, chi2 = showcase.values[FIT], showcase.values[CHI2]
    text = showcase.cell("reading").source
    for number in (1, 2):
        assert f"{fit['odds_ratio'][number]:.2f}" in text
    assert f"{chi2:.0f}" in text


def test_the_figure_is_drawn(showcase: Executed) -> None:
    (png,) = showcase.shown("figure", "image/png")
    image = Image.open(io.BytesIO(b64decode(png)))
    assert image.width > 2 * image.height
    colours = {colour for _, colour in image.convert("RGB").getcolors(100_000) or []}
    assert {(0xCC, 0x66, 0x77), (0x99, 0x99, 0x99)} <= colours, "steps and hospitals"
