"""The tour's cells, at the hospitals and here. What it says to click: tests/ui/test_tour.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from phtlab.demo.pooled import patients
from phtlab.demo.showcase import DATA
from phtlab.lab import Lab
from phtlab.share import share
from tests.notebooks.executed import NOTEBOOKS, Executed, execute

NAME = "tour.ipynb"
SMALL = 10

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def tour(
    lab: Lab, researcher: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Executed:
    """Its journey has been sent from the panel; then somebody runs every cell."""
    journey = lab.dispatch(NOTEBOOKS / NAME, parameters={"min_age": 50}).wait(600)
    assert [stop.state for stop in journey.stops] == ["departed"] * 4
    environment = {**researcher, "PHTLAB_JOURNEY": journey.id}
    folder: Path = tmp_path_factory.mktemp("tour")
    return execute(NAME, folder, environment, ["by_sex.to_dict('list')"])


def test_the_station_cell_shows_the_twins_numbers_and_bars(tour: Executed):
    assert tour.shown("counts")[0].startswith("published by_sex (table")
    assert tour.shown("counts")[2].startswith("published bars (figure")
    assert tour.shown("counts", "image/png")


def test_the_aggregate_cell_adds_up_what_the_hospitals_sent(tour: Executed):
    rows = patients(share(DATA)).query("age >= 50").groupby(["station", "sex"]).size()
    sent = rows[rows >= SMALL]
    found = tour.values["by_sex.to_dict('list')"]
    assert dict(zip(zip(found["station"], found["sex"], strict=True), found["n"], strict=True)) == (
        sent.to_dict()
    )
    missing, shown = tour.shown("together")
    assert "withheld" in missing, "said above the sums"
    for sex, n in sent.groupby("sex").sum().items():
        assert f"{sex} {n}" in " ".join(shown.split())
