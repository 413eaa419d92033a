"""The showcase as its reader runs it, from top to bottom: its finding is the pooled one."""

from __future__ import annotations

import io
from base64 import b64decode

import pandas as pd
import pytest
from PIL import Image

from phtlab.demo.heart import HOSPITALS
from phtlab.demo.pooled import largest_difference, patients, pooled_model
from phtlab.demo.showcase import DATA
from phtlab.share import share
from tests.notebooks.executed import Executed, execute

MODEL = "model.reset_index().to_dict('list')"

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def showcase(researcher: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Executed:
    folder = tmp_path_factory.mktemp("showcase")
    return execute("heart_disease.ipynb", folder, researcher, [MODEL])


def test_it_is_tried_on_the_twin_and_sent_to_all_hospitals(showcase: Executed):
    assert "output     heart_rate_model (model)" in showcase.shown("connect")[0]
    assert "1. twin: departed" in showcase.shown("dry-run")[0]
    (route,) = showcase.shown("wait")
    assert [line.split()[1:] for line in route.splitlines()[1:]] == [
        [f"{hospital}:", "departed"] for hospital in HOSPITALS
    ]


def test_what_came_back_shows_all_hospitals_and_what_was_kept_back(showcase: Executed):
    (text,) = showcase.shown("results")
    assert "3 rows with a count below 10 stayed at the station" in text
    (html,) = showcase.shown("results", "text/html")
    assert html.count("data:image/png;base64,") == len(HOSPITALS)


def test_the_finding_reads_as_the_pooled_rows_do(showcase: Executed):
    rows = patients(share(DATA))
    *missing, html = showcase.shown("finding", "text/html")
    assert "Not everything is in it" in missing[0], "said above what is made of it"
    ill = rows[rows.disease == "yes"].age
    expected = f"{ill.mean():.1f} ± {ill.std():.1f} ({len(ill)} patients, 4 hospitals)"
    assert f"<td>{expected}</td>" in html
    assert "<td>40.1 (352 patients, 2 hospitals)</td>" in html, "the women without disease"


def test_the_federated_model_is_the_pooled_one(showcase: Executed):
    model = pd.DataFrame(showcase.values[MODEL]).set_index("term")
    pooled = pooled_model(patients(share(DATA)))
    assert largest_difference(model[["coefficient", "standard_error"]], pooled) < 1e-9


def test_the_figure_is_drawn(showcase: Executed):
    (png,) = showcase.shown("figure", "image/png")
    image = Image.open(io.BytesIO(b64decode(png)))
    assert image.width > 2 * image.height
    colours = {colour for _, colour in image.convert("RGB").getcolors(100_000) or []}
    assert {(0x44, 0x77, 0xAA), (0xCC, 0x66, 0x77)} <= colours, "both diagnoses"
