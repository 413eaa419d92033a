"""Results and trains as HTML: a tab an output, stations side by side, all foreign text as text."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from phtlab.lab.display.train_html import train_html
from phtlab.lab.results.folder import ResultsFolder
from phtlab.lab.results.results import Results, StationResults
from phtlab.notebook import read_analysis
from phtlab.train.documents.manifest import Output
from phtlab.train.documents.record import CellError, OutputVerdict, StopRecord
from tests.lab.page import Page
from tests.lab.stop_records import ZERO, record
from tests.lab.told_journey import SENT
from tests.station.pipeline.sequential_route import SEQUENTIAL
from tests.station.station_world import notebook

HOSTILE = "<script>alert(1)</script>\u202e"
PNG = b"\x89PNG not drawn here"
NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "heart_disease.ipynb"
OUTPUTS = {
    "counts": Output(name="counts", counts="n"),
    "ages": Output(name="ages", kind="figure"),
    "total": Output(name="total", kind="scalar"),
    "model": Output(name="model", kind="model"),
    "log": Output(name="log", kind="file"),
}


def took(station: str, **more) -> StopRecord:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    end = begin + timedelta(seconds=0.84)
    return record(station, started=begin, finished=end, **{"cargos": (SENT,), **more})


@pytest.fixture
def results() -> Results:
    folder = ResultsFolder()
    stations = {}
    for number, station in enumerate(("cleveland", "hungary"), start=1):
        place = folder.path / station
        place.mkdir()
        frame = pd.DataFrame({HOSTILE: [HOSTILE, "Male"], "n": [10 * number, 20]})
        frame.to_parquet(place / "counts.parquet")
        frame.to_parquet(place / "ages.parquet")
        (place / "ages.png").write_bytes(PNG)
        (place / "total.json").write_text(json.dumps({"value": 100 * number}))
        save_file({"xtx": np.eye(2)}, place / "model.safetensors")
        (place / "log.bin").write_bytes(b"x" * 1500)
        verdict = OutputVerdict(
            name="counts", kind="table", verdict="suppressed", sentence=f"3 rows stayed. {HOSTILE}"
        )
        stations[station] = StationResults(
            station, took(station, outputs=(verdict,)), OUTPUTS, place, folder
        )
    failed = took(
        "ulm",
        outcome="failed",
        code="cell-failed",
        sentence=f"A cell failed. {HOSTILE}",
        error=CellError(type="KeyError", cell=4),
    )
    return Results(stations, {"ulm": failed}, folder, {"jena": "cancelled"})


def tabs(page: Page) -> list[str | None]:
    return [found["aria-label"] for tag, found in page.tags if tag == "section"]


def test_each_output_has_a_tab_and_the_stations_have_theirs(results):
    page = Page(results._repr_html_())
    assert tabs(page) == [*OUTPUTS, "Stations"]
    choices = [found for tag, found in page.tags if tag == "input"]
    assert [found["type"] for found in choices] == ["radio"] * 6
    assert sum("checked" in found for found in choices) == 1
    labels = [found["for"] for tag, found in page.tags if tag == "label"]
    assert labels == [found["id"] for found in choices]


def test_two_results_in_one_notebook_do_not_share_their_choice(results):
    names = {
        found["name"]
        for shown in (results, results)
        for tag, found in Page(shown._repr_html_()).tags
        if tag == "input"
    }
    assert len(names) == 2


def test_what_did_not_come_is_told_above_the_tabs(results):
    text = Page(results._repr_html_()).text
    assert "ulm failed: A cell failed." in text
    assert "(KeyError in cell 4)" in text
    assert "jena cancelled (unsigned: reported by central only)" in text


def test_figures_are_small_multiples_with_their_station_as_name(results):
    pictures = [found for tag, found in Page(results._repr_html_()).tags if tag == "img"]
    assert [found["alt"] for found in pictures] == ["ages of cleveland", "ages of hungary"]
    assert len({found["style"] for found in pictures}) == 1
    assert all(str(found["src"]).startswith("data:image/png;base64,") for found in pictures)


def test_all_kinds_show_what_they_are(results):
    text = Page(results._repr_html_()).text
    assert "Table: 4 rows from 2 stations" in text
    assert "200" in text
    assert "xtx 2 × 2" in text
    assert "1.5 kB" in text
    assert "counts: suppressed. 3 rows stayed." in text
    assert "ran 0.8 s, sent 14 kB" in text


def test_a_long_table_is_cut_and_says_so(results):
    frame = pd.DataFrame({"n": range(5000)})
    frame.to_parquet(results["cleveland"].directory / "counts.parquet")
    page = results._repr_html_()
    assert "5,002 rows from 2 stations, 40 of them shown" in page
    assert page.count("<tr") < 60


def test_what_cannot_be_read_is_told_in_its_place(results):
    (results["hungary"].directory / "counts.parquet").write_bytes(b"no parquet")
    (results["hungary"].directory / "total.json").write_text("{")
    text = Page(results._repr_html_()).text
    assert "Table: 2 rows from 1 station" in text
    assert text.count("of hungary is not") == 2


def test_what_stations_wrote_is_text(results):
    page = Page(results._repr_html_())
    assert "script" not in {tag for tag, _ in page.tags}
    assert not any(name.startswith("on") for _, found in page.tags for name in found)
    assert HOSTILE not in results._repr_html_()
    assert not re.search(r"https?:", results._repr_html_())


def test_one_station_shows_itself_in_the_same_way(results):
    page = Page(results["hungary"]._repr_html_())
    assert tabs(page) == [*OUTPUTS, "Stations"]
    assert "cleveland" not in page.text


def test_nothing_is_said_to_be_nothing():
    assert "Nothing came back." in Results({}, {}, ResultsFolder())._repr_html_()


def test_a_train_is_a_card():
    text = Page(train_html(read_analysis(NOTEBOOK), "python", ZERO)).text
    for words in (
        "heart_disease",
        "train 000000000000",
        "min_age",
        "18 to 100",
        "heart_rate_model",
    ):
        assert words in text
    assert "python, 7 cells in the train" in text
    assert "Route" not in text


def test_a_train_that_hands_on_shows_its_route(tmp_path):
    source = SEQUENTIAL.replace('to="next"', 'to="both"')
    path = tmp_path / "carry.ipynb"
    path.write_bytes(notebook(("station", source)))
    text = Page(train_html(read_analysis(path), "python", ZERO)).text
    for words in (
        "to the next station and the recipients",
        "Route: sequential",
        "from the station before; the first one takes its default",
        "its model goes to the recipients",
    ):
        assert words in text
