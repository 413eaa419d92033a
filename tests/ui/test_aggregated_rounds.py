"""Rounds that an aggregator combines, in Lab: the choice before a dispatch, and the map of it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.story.pictures import picture
from tests.ui.extension_simulator import Answer, ExtensionSimulator, a_journey, a_stop
from tests.ui.lab_page import LabPage, write_notebook
from tests.ui.lab_server import LabServer
from tests.ui.told_shapes import a_check, a_consortium, a_member
from tests.ui.train_panel import CELLS, NOTEBOOK, ago, opened


def combined(**rounds: Any) -> dict[str, Any]:
    """A journey that an aggregator combines, in round 3."""
    running = {"seconds": None, "updated": ago(2)}
    return a_journey(
        a_stop("cleveland", 0, "running", **running),
        a_stop("hungary", 1, "running", **running),
        a_stop("adder", 2, "running", combines=True, **running),
        id="sha256:" + "a" * 64,
        short="a" * 12,
        route="rounds",
        submitted=ago(5),
        rounds={
            "number": 3,
            "most": 20,
            "ended": False,
            "heard": ["cleveland"],
            "awaited": ["hungary"],
            "lines": [{"name": "loss", "rounds": [1, 2], "values": [0.5, 0.25]}],
            "locked": False,
            **rounds,
        },
    )


@pytest.fixture
def simulator(lab_page: LabPage, jupyter: LabServer) -> ExtensionSimulator:
    write_notebook(jupyter.root / NOTEBOOK, CELLS)
    simulator = ExtensionSimulator(lab_page.page)
    simulator.stations = a_consortium()
    members = [a_member("grace", "researcher"), a_member("adder", "aggregator")]
    simulator.answers |= {
        "POST check": Answer(a_check(route="rounds", received=["beta"])),
        "GET kernels": Answer([]),
        "GET members": Answer(members),
        "POST journeys": Answer(combined(), 201),
    }
    return simulator


def test_who_combines_is_chosen_and_signed(lab_page, simulator):
    panel = opened(lab_page, simulator)
    panel.get_by_role("button", name="Dispatch…").click()
    dialog = lab_page.page.locator(".pht-Dispatch-dialog")
    summary = dialog.locator(".pht-Dispatch-summary")
    expect(summary).to_contain_text("This notebook's kernel combines the rounds.")
    dialog.get_by_label("Combined by").select_option("adder")
    expect(summary).to_contain_text("adder")
    expect(summary).to_contain_text("combines the rounds, and reads what each station sends.")
    lab_page.light()
    picture(lab_page.page, "rounds-aggregator-dispatch")
    dialog.get_by_role("button", name="Sign and dispatch").click()
    expect(dialog).to_have_count(0)
    (sent,) = simulator.bodies("POST journeys")
    assert sent["aggregator"] == "adder"
    assert "adder" not in sent["stations"]
    names = panel.locator(".pht-journey-station-name")
    expect(names.last).to_have_text("adder (combines)")
    expect(panel.locator(".pht-journey-answer")).to_have_count(2)
    panel.locator(".pht-journey-rounds").scroll_into_view_if_needed()
    picture(lab_page.page, "rounds-aggregator-map")


def test_a_locked_key_shows_the_rounds_without_a_plot(lab_page, simulator):
    simulator.journeys = [combined(lines=[], locked=True)]
    panel = opened(lab_page, simulator)
    panel.locator(".pht-Journeys > li .pht-Row").click()
    expect(panel.locator(".pht-journey-rounds-locked")).to_have_text(
        "Unlock your key to see what was reported."
    )
    expect(panel.locator(".pht-journey-plot")).to_have_count(0)
