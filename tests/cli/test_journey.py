"""`phtlab journey`: a sequential route in the terminal, and resuming it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import phtlab
from phtlab.cli.main import app
from phtlab.errors import JourneyError
from phtlab.lab.client.journey import Journey
from tests.central.conftest import founding, prepared_sqlite, small_central
from tests.central.world import World
from tests.lab.sequential_route import MODEL, SequentialRoute

__all__ = ["founding", "prepared_sqlite", "small_central"]


@pytest.fixture
def route(small_central: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SequentialRoute:
    monkeypatch.setenv("PHTLAB_CACHE", str(tmp_path / "cache"))
    made = SequentialRoute(small_central, tmp_path, (MODEL,))
    monkeypatch.setattr(phtlab, "connect", lambda: made.lab, raising=False)
    return made


@pytest.fixture
def ended(route: SequentialRoute) -> Journey:
    """A journey that failed at its second station."""
    journey = route.journey()
    route.depart(journey, "ulm", 1)
    route.fail(journey, "mainz")
    return journey


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["journey", *words])


def short(journey: Journey) -> str:
    return journey.id.removeprefix("sha256:")[:12]


def test_the_route_is_shown_in_its_order(route: SequentialRoute) -> None:
    route.journey()
    assert " ulm → ● mainz → ● jena" in run("list").stdout
    lines = run("show").stdout.splitlines()
    assert lines[0].endswith("heart: ulm → mainz → jena")
    assert lines[2:] == ["  2. mainz: waits for ulm", "  3. jena: waits for ulm"]


def test_a_journey_that_ended_early_says_how_it_goes_on(ended: Journey) -> None:
    waited = run("wait", short(ended))
    assert waited.exit_code == 7
    assert f"phtlab journey resume {short(ended)}" in waited.stderr


def test_a_journey_is_resumed_and_its_id_printed(ended: Journey, route: SequentialRoute) -> None:
    result = run("resume", short(ended))
    assert result.exit_code == 0, result.exception
    (continuing,) = [one for one in route.lab.journeys() if one.id != ended.id]
    assert result.stdout == f"{short(continuing)}\n"
    assert f"Journey {short(ended)} continues at mainz → jena." in result.stderr
    again = run("resume", short(ended))
    assert isinstance(again.exception, JourneyError)
    assert again.exception.code == "journey-continued"


def test_resume_prints_the_new_journey_as_json(ended: Journey) -> None:
    shown = json.loads(run("resume", short(ended), "--json").stdout)
    assert [stop["station"] for stop in shown["stops"]] == ["mainz", "jena"]
    assert shown["continued_by"] is None


def test_results_name_what_was_handed_on(ended: Journey) -> None:
    assert "ulm: handed on to mainz: model" in run("results", short(ended)).stdout
    shown = json.loads(run("results", short(ended), "--json").stdout)
    assert shown["handed_on"] == {"ulm": {"model": "mainz"}}
