"""The tutorial, run from top to bottom by a newcomer: dry run, four hospitals, the plot."""

from __future__ import annotations

import io
import json
import re
from base64 import b64decode
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from phtlab.demo.heart import HOSPITALS
from phtlab.demo.pooled import patients
from phtlab.demo.showcase import DATA
from phtlab.lab import Lab
from phtlab.lab.display.route_map import MIME_TYPE
from phtlab.notebook import read_analysis
from phtlab.share import share
from tests.notebooks.executed import NOTEBOOKS, Executed, execute

NAME = "tutorial.ipynb"
SMALL = 10

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def tutorial(researcher: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Executed:
    """Somebody has run every cell, from top to bottom."""
    return execute(
        NAME,
        tmp_path_factory.mktemp("tutorial"),
        researcher,
        ["journey.id", "counts.to_dict('list')", "together.to_dict()", "complete.to_dict('list')"],
    )


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """The 920 patients, by the tutorial's two questions."""
    rows = patients(share(DATA))
    return rows.assign(
        pain=["no pain" if kind == "asymptomatic" else "pain" for kind in rows.cp],
        diagnosis=["disease" if vessels > 0 else "no disease" for vessels in rows.num],
    )


def picture(png: str) -> Image.Image:
    return Image.open(io.BytesIO(b64decode(png)))


def test_station_cells_work_on_the_twin_as_they_stand(tutorial: Executed):
    (head,) = tutorial.shown("patients")
    assert len(head.splitlines()) == 6
    said, table = tutorial.shown("counts")
    assert said.startswith("published counts (table")
    twin = re.findall(r"(?:no )?disease +(\d+)", table)
    assert sum(map(int, twin)) == 300, "all of the twin's patients are of 18 years or more"
    (drawn,) = tutorial.shown("figure", "image/png")
    assert len(picture(drawn).convert("L").getcolors() or []) > 2, "bars, not a blank sheet"


def test_the_card_tells_what_travels(tutorial: Executed):
    (card,) = tutorial.shown("train")
    assert "parameter  min_age = 18 (integer, 18 to 60)" in card
    assert "output     counts (table)" in card
    assert "output     groups (figure)" in card
    (html,) = tutorial.shown("train", "text/html")
    assert "4 cells in the train" in html


def test_the_rehearsal_went_to_the_twin_and_shows_what_it_would_send(tutorial: Executed):
    route, results = tutorial.shown("rehearsal")
    assert "1. twin: departed" in route
    assert "twin: counts (table), groups (figure)" in results
    (_, html) = tutorial.shown("rehearsal", "text/html")
    assert "data:image/png;base64," in html


def test_the_map_shows_all_hospitals_and_needs_no_kernel_to_be_read(tutorial: Executed):
    (output,) = tutorial.cell("wait").outputs  # shown once, by wait() and as the cell's value
    (kept,) = tutorial.cell("journey").outputs
    assert "all 4 departed" in kept.data["text/html"], "the cell that sent it moves on as well"
    assert set(output.data) == {MIME_TYPE, "text/html", "text/plain"}
    assert "all 4 departed" in output.data["text/html"]
    for number, hospital in enumerate(HOSPITALS, 1):
        assert f"{number}. {hospital}: departed" in output.data["text/plain"]


def test_counts_are_the_hospitals_own_without_the_small_ones(
    tutorial: Executed, rows: pd.DataFrame
):
    key = ["station", "pain", "diagnosis"]
    found = pd.DataFrame(tutorial.values["counts.to_dict('list')"]).set_index(key).n.to_dict()
    expected = rows.groupby(key).size()
    assert found == expected[expected >= SMALL].to_dict()
    missing, table = tutorial.shown("answers")
    assert "switzerland withheld" in missing
    assert table.count("<NA>") == 2, "the two gaps that the text tells of"


def test_the_answer_is_that_of_the_rows(tutorial: Executed, rows: pd.DataFrame):
    complete = rows[rows.station != "switzerland"]
    ill = complete.diagnosis.eq("disease").groupby(complete.pain).mean() * 100
    assert tutorial.values["together.to_dict()"] == pytest.approx(ill.to_dict())
    assert ill["no pain"] > 2 * ill["pain"], "what the text says"
    (plot,) = tutorial.shown("plot", "image/png")
    assert len(picture(plot).convert("RGB").getcolors(100_000) or []) > 100


def test_the_hospitals_figures_came_too(tutorial: Executed, lab: Lab):
    figures = lab.journey(tutorial.values["journey.id"]).results().figures("groups")
    assert tuple(figures) == tuple(HOSPITALS)
    assert {len(figure.data) for figure in figures.values()} == {2, 4}
    assert min(figure.data.y.min() for figure in figures.values()) >= SMALL


def test_the_exercise_with_older_patients_has_an_answer(researcher: dict[str, str], tmp_path: Path):
    older = execute(
        NAME,
        tmp_path,
        researcher,
        ["sorted(set(complete.station))", "len(by_hospital['cleveland'])"],
        change={"journey": ('{"min_age": 18}', '{"min_age": 60}')},
    )
    assert older.values["sorted(set(complete.station))"] == ["cleveland", "va-long-beach"]
    assert older.values["len(by_hospital['cleveland'])"] == 2
    assert older.shown("plot", "image/png")


def test_the_exercise_with_a_mistake_is_found_before_anything_runs(tmp_path: Path):
    stored = json.loads((NOTEBOOKS / NAME).read_text())
    (cell,) = [cell for cell in stored["cells"] if cell["id"] == "patients"]
    last = cell["source"][-1]
    assert last.startswith("patients[")
    cell["source"][-1] = last.replace("patients[", "patient[", 1)
    changed = tmp_path / NAME
    changed.write_text(json.dumps(stored))
    (finding,) = read_analysis(changed).findings
    assert finding.severity == "error"
    assert "patient" in finding.message
