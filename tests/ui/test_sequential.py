"""Sequential trains in Lab: the order of their stations, whose turn it is, and resuming."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.story.pictures import picture
from tests.ui.extension_simulator import Answer, ExtensionSimulator, a_journey, a_stop, refusal
from tests.ui.lab_page import LabPage, write_notebook
from tests.ui.lab_server import LabServer
from tests.ui.told_results import a_verdict, an_output, results_of
from tests.ui.told_shapes import a_check, a_consortium, a_member
from tests.ui.train_panel import CELLS, NOTEBOOK, ago, opened, row

ENDED = "sha256:" + "e" * 64
CONTINUING = "sha256:" + "c" * 64


def a_sequential_check() -> dict[str, Any]:
    model = {"name": "model", "kind": "model", "to": "next"}
    return a_check(outputs=[model], route="sequential", received=["model"])


def ended(**more: Any) -> dict[str, Any]:
    """It failed at hungary, so that the train did not come to switzerland."""
    failed = a_stop("hungary", 1, "failed", sentence="Cell 3 failed.")
    unsent = a_stop("switzerland", 2, "cancelled", seconds=None)
    return a_journey(
        a_stop("cleveland", 0),
        failed,
        unsent,
        **{
            "id": ENDED,
            "short": "e" * 12,
            "route": "sequential",
            "resumable": True,
            "submitted": ago(60),
            **more,
        },
    )


def continuing() -> dict[str, Any]:
    return a_journey(
        a_stop("hungary", 0, "running", seconds=None, cell=2, cells=3, updated=ago(2)),
        a_stop("switzerland", 1, "offered", seconds=None),
        id=CONTINUING,
        short="c" * 12,
        route="sequential",
        continues=ENDED,
        submitted=ago(5),
    )


@pytest.fixture
def simulator(lab_page: LabPage, jupyter: LabServer) -> ExtensionSimulator:
    write_notebook(jupyter.root / NOTEBOOK, CELLS)
    simulator = ExtensionSimulator(lab_page.page)
    simulator.stations = a_consortium()
    simulator.answers |= {
        "POST check": Answer(a_sequential_check()),
        "GET kernels": Answer([]),
        "GET members": Answer([a_member("grace", "researcher")]),
        "POST journeys": Answer(continuing(), 201),
    }
    return simulator


def order_of(asked: Locator) -> list[str]:
    names = asked.locator(".pht-Order > li").all()
    return [name.get_attribute("data-station") or "" for name in names]


def test_the_stations_of_a_route_are_ordered_by_the_keyboard(lab_page, simulator):
    panel = opened(lab_page, simulator)
    lab_page.light()
    expect(panel.locator(".pht-Head-facts")).to_contain_text("sequential")
    panel.get_by_role("button", name="Dispatch…").click()
    asked = lab_page.page.locator(".pht-Dispatch-dialog")
    expect(asked.get_by_text("Order of the stations")).to_be_visible()
    assert order_of(asked) == ["cleveland", "hungary", "switzerland"]

    up = asked.get_by_role("button", name="Move switzerland up")
    up.focus()
    up.press("Enter")
    expect(up).to_be_focused()
    up.press("Enter")
    assert order_of(asked) == ["switzerland", "cleveland", "hungary"]
    expect(asked.locator("[aria-live]")).to_contain_text("is stop 1 of 3: the route begins there.")
    expect(up).to_have_attribute("aria-disabled", "true")
    expect(asked.locator(".pht-Order > li").last).to_contain_text("goes to the recipients")
    summary = asked.locator(".pht-Dispatch-summary")
    expect(summary).to_contain_text("in turn at")
    expect(asked).to_be_visible()
    picture(lab_page.page, "sequential-order-light")
    lab_page.dark()
    picture(lab_page.page, "sequential-order-dark")

    asked.get_by_role("checkbox", name="cleveland").uncheck()
    asked.get_by_role("checkbox", name="cleveland").check()
    assert order_of(asked) == ["switzerland", "hungary", "cleveland"]
    asked.get_by_role("button", name="Sign and dispatch").click()
    expect(asked).to_have_count(0)
    (sent,) = simulator.bodies("POST journeys")
    assert sent["stations"] == ["switzerland", "hungary", "cleveland"]


def test_an_ended_journey_is_resumed_after_a_question(lab_page, simulator):
    simulator.journeys = [ended()]
    simulator.answers[f"POST journeys/{ENDED}/resume"] = Answer(continuing())
    panel = opened(lab_page, simulator)
    lab_page.light()
    row(panel, "heart_disease").click()
    route = panel.locator(".pht-journey-route")
    expect(route).to_have_attribute("data-order", "sequential")
    expect(route.locator(".pht-journey-station")).to_have_text(
        ["cleveland", "hungary", "switzerland"]
    )
    resume = panel.get_by_role("button", name="Resume…")
    resume.scroll_into_view_if_needed()
    picture(lab_page.page, "sequential-ended-light")
    resume.click()
    asked = lab_page.page.locator(".jp-Dialog")
    expect(asked).to_contain_text("receives what")
    picture(lab_page.page, "sequential-resume")
    assert simulator.bodies(f"POST journeys/{ENDED}/resume") == []
    asked.get_by_role("button", name="Sign and resume").click()
    expect(panel.locator(".pht-journey-word").last).to_have_text("waits for hungary")
    expect(panel).to_contain_text("continues journey eeeeeeeeeeee")
    simulator.tell("journey", ended(resumable=False, continued_by=CONTINUING))
    lab_page.dark()
    picture(lab_page.page, "sequential-continuing-dark")
    row(panel, "1 of 3 departed").click()
    expect(panel).to_contain_text("continued by journey cccccccccccc")
    expect(panel.get_by_role("button", name="Resume…")).to_have_count(0)


def test_a_journey_that_was_continued_elsewhere_says_so(lab_page, simulator):
    simulator.journeys = [ended()]
    simulator.answers[f"POST journeys/{ENDED}/resume"] = refusal(
        "journey-continued", "The journey is continued by another already."
    )
    panel = opened(lab_page, simulator)
    row(panel, "heart_disease").click()
    panel.get_by_role("button", name="Resume…").click()
    lab_page.page.get_by_role("button", name="Sign and resume").click()
    asked = lab_page.page.locator(".jp-Dialog")
    expect(asked).to_contain_text("The journey is continued by another already.")
    asked.get_by_role("button", name="Close").click()


def test_results_say_what_was_handed_on_and_how_the_journey_goes_on(lab_page, simulator):
    model = a_verdict("model", "model")
    loss = an_output("loss", "scalar", scalar=0.31)
    sent = results_of("cleveland", loss, model=model)
    sent["handed_on"] = [{"output": "model", "station": "hungary"}]
    failure = {
        "station": "hungary",
        "outcome": "failed",
        "code": "cell-failed",
        "sentence": "Cell 3 failed.",
        "error": None,
        "forecasts": [],
    }
    unsigned = {"station": "switzerland", "words": "the train did not come here"}
    results = {
        "journey": ended(),
        "stations": [sent],
        "failures": [failure],
        "unsigned": [unsigned],
        "waiting": [],
        "rounds": None,
        "missing": [{"output": "model", "station": "switzerland", "words": "sent nothing"}],
    }
    simulator.journeys = [results["journey"]]
    simulator.answers[f"GET journeys/{ENDED}/results"] = Answer(results)
    simulator.begin()
    lab_page.open()
    lab_page.light()
    lab_page.command("phtlab:open-results", {"journey": ENDED})
    page = lab_page.page.locator(".pht-Results")
    expect(page.locator(".pht-Stops")).to_contain_text("handed on to")
    page.get_by_role("tab", name="model").click()
    shown = page.get_by_role("tabpanel")
    expect(shown).to_contain_text("No station has sent it to you.")
    expect(shown.locator(".pht-HandedOn")).to_contain_text("handed it on to")
    picture(lab_page.page, "sequential-results-light")
    lab_page.dark()
    picture(lab_page.page, "sequential-results-dark")
    page.get_by_role("button", name="Resume…").click()
    expect(lab_page.page.locator(".jp-Dialog")).to_contain_text("Resume this journey?")
