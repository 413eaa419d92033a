"""The plugin phtlab:dispatch: saved first, asked once, and sent exactly as shown."""

from __future__ import annotations

import re

import nbformat
import pytest
from playwright.sync_api import APIResponse, Locator, Route, expect

from tests.ui.chromium import evaluate
from tests.ui.extension_simulator import (
    Answer,
    ExtensionSimulator,
    a_journey,
    a_status,
    a_stop,
    refusal,
)
from tests.ui.lab_page import LabPage, write_notebook
from tests.ui.lab_server import LabServer
from tests.ui.told_shapes import a_check, a_consortium, a_finding, a_member
from tests.ui.train_panel import CELLS, NOTEBOOK, ago, opened

SENT = a_journey(
    a_stop("cleveland", 0, "offered", seconds=None),
    id="sha256:" + "9" * 64,
    short="9" * 12,
    submitted=ago(0),
)


@pytest.fixture
def told(lab_page: LabPage, jupyter: LabServer) -> ExtensionSimulator:
    write_notebook(jupyter.root / NOTEBOOK, CELLS)
    simulator = ExtensionSimulator(lab_page.page)
    simulator.stations = a_consortium()
    simulator.answers |= {
        "POST check": Answer(a_check()),
        "GET kernels": Answer([]),
        "GET members": Answer(
            [
                a_member("alice", "researcher"),
                a_member("grace", "researcher"),
                a_member("cleveland", "station"),
            ]
        ),
        "POST journeys": Answer(SENT, 201),
    }
    return simulator


def dialog(lab_page: LabPage) -> Locator:
    return lab_page.page.locator(".pht-Dispatch-dialog")


def begin(lab_page: LabPage, told: ExtensionSimulator) -> tuple[Locator, Locator]:
    panel = opened(lab_page, told)
    expect(panel.locator(".pht-Verdict")).to_have_text("● ok")
    panel.get_by_role("button", name="Dispatch…").click()
    asked = dialog(lab_page)
    expect(asked).to_be_visible()
    return panel, asked


def send(asked: Locator) -> None:
    asked.get_by_role("button", name="Sign and dispatch").click()


def test_dispatch_sends_what_is_shown(lab_page, told):
    told.journeys = [a_journey(a_stop("cleveland", 0))]
    panel, asked = begin(lab_page, told)
    cleveland = asked.get_by_role("checkbox", name="cleveland")
    expect(cleveland).to_be_checked()
    expect(asked.get_by_text("runs when it is back")).to_be_visible()
    away = asked.locator("label").filter(has_text="va-long-beach")
    expect(away).to_contain_text("no data set")
    expect(away.get_by_role("checkbox")).not_to_be_checked()
    expect(asked.get_by_text("twin")).to_have_count(0)
    asked.get_by_role("checkbox", name="switzerland").uncheck()
    asked.get_by_label("min_age").fill("55")
    asked.get_by_role("checkbox", name="grace").check()
    summary = asked.locator(".pht-Dispatch-summary")
    expect(summary).to_contain_text("with min_age = 55, outcome = any.")
    expect(summary).to_contain_text("is offline: it runs there when the station is back.")
    expect(summary).to_contain_text("can open what comes back")
    send(asked)
    expect(asked).to_have_count(0)
    assert told.bodies("POST journeys") == [
        {
            "path": NOTEBOOK,
            "checked": a_check()["digest"],
            "stations": ["cleveland", "hungary"],
            "parameters": {"min_age": 55, "outcome": "any"},
            "recipients": ["grace"],
            "proposal": None,
            "aggregator": None,
        }
    ]
    first = panel.locator(".pht-Journeys > li").first
    expect(first.locator(".pht-Row")).to_have_attribute("aria-expanded", "true")
    expect(first.locator(".pht-Row")).to_be_focused()
    expect(first.locator(".pht-journey-route")).to_contain_text("cleveland")
    expect(panel.get_by_label("min_age")).to_have_value("55")


def test_what_travels_is_saved_first(lab_page, told, jupyter):
    panel = opened(lab_page, told)
    expect(panel.locator(".pht-Verdict")).to_have_text("● ok")
    lab_page.cell(4).locator(".cm-content").fill("changed = 1")
    panel.get_by_role("button", name="Dry run").click()
    expect(panel.locator(".pht-journey-route")).to_be_visible()
    saved = nbformat.read(jupyter.root / NOTEBOOK, as_version=4)
    assert saved.cells[4].source == "changed = 1"
    assert told.bodies("POST check")[-1]["content"]["cells"][4]["source"] == "changed = 1"


def test_a_save_that_goes_on_is_waited_for(lab_page, told):
    """Else Lab takes the file of the first save for a change by somebody else, and asks."""
    panel = opened(lab_page, told)
    expect(panel.locator(".pht-Verdict")).to_have_text("● ok")
    contents = re.compile("/api/contents/")
    held: list[tuple[Route, APIResponse]] = []

    def hold(route: Route) -> None:
        if route.request.method == "PUT" and not held:
            held.append((route, route.fetch()))  # written, and the page does not know it yet
            evaluate(lab_page.page, "window.written = true")
        else:
            route.fallback()

    lab_page.page.route(contents, hold)
    lab_page.cell(4).locator(".cm-content").fill("changed = 1")
    lab_page.page.keyboard.press("Control+s")
    panel.get_by_role("button", name="Dispatch…").click()
    expect(panel).to_contain_text("Getting ready")
    lab_page.page.wait_for_function("window.written")
    route, response = held[0]
    route.fulfill(response=response)
    expect(dialog(lab_page)).to_be_visible()
    expect(lab_page.page.locator(".jp-Dialog")).to_have_count(1)


def test_dry_run_is_one_click_with_the_parameters_of_the_panel(lab_page, told):
    panel = opened(lab_page, told)
    panel.get_by_label("min_age").fill("61")
    panel.get_by_role("button", name="Dry run").click()
    expect(panel.locator(".pht-journey-route")).to_be_visible()
    assert told.bodies("POST journeys") == [
        {
            "path": NOTEBOOK,
            "checked": a_check()["digest"],
            "stations": "twin",
            "parameters": {"min_age": 61, "outcome": "any"},
            "recipients": [],
            "proposal": None,
            "aggregator": None,
        }
    ]


def test_parameters_out_of_bounds_stay_here(lab_page, told):
    panel = opened(lab_page, told)
    panel.get_by_label("min_age").fill("7")
    panel.get_by_role("button", name="Dry run").click()
    expect(panel.get_by_role("alert")).to_contain_text("Mend the parameters")
    assert not told.bodies("POST journeys")


def test_refusal_is_said_in_place_and_the_dialog_stays(lab_page, told):
    told.answers["POST journeys"] = refusal(
        "parameter-bounds", "min_age takes 18 to 90, not 95.", status=422, field="min_age"
    )
    _, asked = begin(lab_page, told)
    asked.get_by_label("min_age").fill("95")
    send(asked)
    expect(asked.get_by_role("alert")).to_contain_text("min_age takes 18 to 90, not 95.")
    told.answers["POST journeys"] = refusal("central-unreachable", "Central is away.", status=502)
    asked.get_by_label("min_age").fill("80")
    expect(asked.get_by_role("alert")).to_have_count(0)
    send(asked)
    expect(asked.get_by_role("alert")).to_contain_text("Central is away.")
    told.answers["POST journeys"] = Answer(SENT, 201)
    send(asked)
    expect(asked).to_have_count(0)
    assert [body["parameters"]["min_age"] for body in told.bodies("POST journeys")] == [95, 80, 80]


def test_notebook_that_changed_behind_the_dialog_is_said_in_it(lab_page, told):
    told.answers["POST journeys"] = refusal(
        "notebook-changed", "The notebook's file is not what was checked here."
    )
    _, asked = begin(lab_page, told)
    send(asked)
    expect(asked.get_by_role("alert")).to_contain_text("is not what was checked here")
    assert told.bodies("POST journeys")[-1]["checked"] == a_check()["digest"]


def test_nothing_is_sent_to_nobody(lab_page, told):
    _, asked = begin(lab_page, told)
    for box in asked.get_by_role("group", name="Stations").get_by_role("checkbox").all():
        box.uncheck()
    expect(asked.locator(".pht-Dispatch-summary")).to_contain_text("nothing yet")
    send(asked)
    expect(asked.get_by_role("alert")).to_contain_text("Choose at least one station")
    lab_page.page.keyboard.press("Escape")
    expect(asked).to_have_count(0)
    assert not told.bodies("POST journeys")


def test_enter_in_a_field_signs_nothing(lab_page, told):
    _, asked = begin(lab_page, told)
    age = asked.get_by_label("min_age")
    age.fill("55")
    age.press("Enter")  # at the field: a dialog that opens may take the focus late
    expect(asked.locator(".pht-Dispatch-summary")).to_contain_text("min_age = 55")
    assert not told.bodies("POST journeys")
    asked.get_by_role("button", name="Sign and dispatch").press("Enter")
    expect(asked).to_have_count(0)
    assert len(told.bodies("POST journeys")) == 1


def test_locked_key_asks_for_the_passphrase_first(lab_page, told):
    told.status = a_status("locked")
    told.answers["POST keys/unlock"] = Answer(a_status())
    panel = opened(lab_page, told)
    panel.get_by_role("button", name="Dry run").click()
    lab_page.page.locator(".jp-Dialog").get_by_role("button", name="Cancel").click()
    expect(panel.get_by_role("button", name="Dry run")).to_be_enabled()
    assert not told.bodies("POST journeys")
    panel.get_by_role("button", name="Dry run").click()
    lab_page.page.get_by_label("Passphrase").fill("correct horse")
    lab_page.page.keyboard.press("Enter")
    expect(panel.locator(".pht-journey-route")).to_be_visible()
    assert len(told.bodies("POST journeys")) == 1


def test_key_that_was_locked_meanwhile_is_asked_for_and_nothing_is_lost(lab_page, told):
    _, asked = begin(lab_page, told)
    asked.get_by_label("min_age").fill("55")
    told.tell("status", a_status("locked"))
    told.answers["POST journeys"] = refusal("key-locked", "Your key is locked.", status=423)
    told.answers["POST keys/unlock"] = Answer(a_status())
    send(asked)
    lab_page.page.get_by_label("Passphrase").fill("correct horse")
    lab_page.page.keyboard.press("Enter")
    expect(asked.get_by_label("min_age")).to_have_value("55")
    told.answers["POST journeys"] = Answer(SENT, 201)
    send(asked)
    expect(asked).to_have_count(0)
    assert told.bodies("POST journeys")[-1]["parameters"]["min_age"] == 55


def test_notebook_with_problems_stays_here(lab_page, told):
    found = [a_finding(3, "cell 4 uses 'cohort2', which nothing defines.")]
    told.answers["POST check"] = Answer(a_check(ok=False, findings=found))
    panel = opened(lab_page, told)
    expect(panel.locator(".pht-Verdict")).to_have_text("✗ 1 problem")
    lab_page.command("phtlab:dispatch")
    expect(panel.get_by_role("alert")).to_contain_text("cannot travel yet")
    expect(dialog(lab_page)).to_have_count(0)
    assert not told.bodies("POST journeys")


def test_journey_is_sent_again_as_it_was(lab_page, told):
    told.journeys = [
        a_journey(
            a_stop("switzerland", 0),
            a_stop("gone-since", 1),
            parameters={"min_age": 72, "outcome": "severe", "dropped": 1},
            recipients=["alice", "grace", "left-since", "cleveland"],
        )
    ]
    panel = opened(lab_page, told, "")
    panel.locator(".pht-Journeys .pht-Row").click()
    panel.get_by_role("button", name="Send again…").click()
    lab_page.ready(NOTEBOOK)
    asked = dialog(lab_page)
    expect(asked.get_by_label("min_age")).to_have_value("72")
    expect(asked.get_by_role("checkbox", name="switzerland")).to_be_checked()
    expect(asked.get_by_role("checkbox", name="cleveland")).not_to_be_checked()
    expect(asked.get_by_role("checkbox", name="grace")).to_be_checked()
    send(asked)
    expect(asked).to_have_count(0)
    assert told.bodies("POST journeys") == [
        {
            "path": NOTEBOOK,
            "checked": a_check()["digest"],
            "stations": ["switzerland"],
            "parameters": {"min_age": 72, "outcome": "severe"},
            "recipients": ["grace"],
            "proposal": None,
            "aggregator": None,
        }
    ]


def test_journey_of_an_unknown_notebook_says_so(lab_page, told):
    told.journeys = [a_journey(a_stop("cleveland", 0), notebook=None)]
    panel = opened(lab_page, told)
    panel.locator(".pht-Journeys .pht-Row").click()
    panel.get_by_role("button", name="Send again…").click()
    expect(lab_page.page.locator(".jp-Dialog")).to_contain_text("was not sent from here")


def test_dry_run_without_a_twin_station_says_so(lab_page, told):
    told.status = a_status(dry_runs=False)
    panel = opened(lab_page, told)
    lab_page.command("phtlab:dry-run")
    expect(panel.get_by_role("alert")).to_contain_text("no twin station")
    assert not told.bodies("POST journeys")
