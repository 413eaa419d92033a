"""`phtlab stations`: what an analyst sees of a station and its data."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner, Result

import phtlab
from phtlab.cli.main import app
from phtlab.errors import OrderError
from phtlab.wire.api.journeys import Column, DataSetDescription, StationView

HEART = DataSetDescription(
    name="heart",
    title="Heart disease",
    rows=300,
    rows_rounded_to=50,
    columns=(
        Column(name="age", type="integer", description="Age at examination", unit="years"),
        Column(name="sex", type="string", description="Sex", categories=("Female", "Male")),
    ),
    schema_digest="sha256:" + "0" * 64,
)
SEEN = datetime(2026, 5, 12, 9, 30, tzinfo=UTC)


@pytest.fixture
def stations(monkeypatch: pytest.MonkeyPatch) -> list[StationView]:
    views = [
        StationView(name="cleveland", organisation="Clinic [x]", online=True, datasets=(HEART,)),
        StationView(name="hungary", online=False, last_seen=SEEN),
        StationView(name="twin", online=False),
    ]
    roster = SimpleNamespace(with_role=lambda role: [SimpleNamespace(name="twin")])
    adder = StationView(name="adder", roles=("aggregator",), online=True)
    lab = SimpleNamespace(
        stations=lambda: tuple(views),
        central=SimpleNamespace(stations=lambda: (*views, adder)),
        trusted=SimpleNamespace(roster=roster),
    )
    monkeypatch.setattr(phtlab, "connect", lambda: lab, raising=False)
    return views


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["stations", *words])


def test_stations_are_listed_with_presence_and_data(stations: list[StationView]) -> None:
    _, cleveland, hungary, twin, adder = run().stdout.splitlines()
    told = ["cleveland", "Clinic", "[x]", "●", "online", "heart", "about", "300"]
    assert cleveland.split() == told
    assert "○ last seen 2026-05-12 09:30" in hungary
    assert "none yet" in hungary
    assert "○ never seen, twin" in twin
    assert adder.split() == ["adder", "●", "online,", "aggregator"]


@pytest.mark.parametrize(
    ("rows", "rounded_to", "told"),
    [
        (300, 50, "about 300"),
        (300, None, "about 300"),
        (0, 50, "few"),
        (304, 1, "304"),
        (None, None, ""),
    ],
)
def test_a_rounded_number_of_rows_is_never_told_as_exact(
    rows: int | None, rounded_to: int | None, told: str
) -> None:
    data = HEART.model_copy(update={"rows": rows, "rows_rounded_to": rounded_to})
    assert data.rows_text == told


def test_one_station_with_its_columns(stations: list[StationView]) -> None:
    text = run("cleveland").stdout
    assert "heart: Heart disease, about 300 rows" in text
    assert "Sex: Female, Male" in text
    assert "years" in text


def test_an_unknown_station_is_told(stations: list[StationView]) -> None:
    result = run("clevland")
    assert isinstance(result.exception, OrderError)
    assert "There is no station called 'clevland'" in str(result.exception)


def test_no_station_yet(stations: list[StationView]) -> None:
    stations.clear()
    assert "The roster has no station yet" in run().stderr
