"""A journey in a notebook that was saved: drawn without its kernel, and as it is now."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Locator, expect

from phtlab.lab.display.route_map import MIME_TYPE
from tests.lab.example_maps import examples
from tests.story.pictures import picture
from tests.ui.chromium import evaluate
from tests.ui.extension_simulator import Answer, ExtensionSimulator, a_journey, a_stop
from tests.ui.lab_page import LabPage, write_notebook
from tests.ui.lab_server import LabServer
from tests.ui.train_panel import ago

NOTEBOOK = "kept.ipynb"
GOING, OVER, RESUMABLE, *_ = examples()
HOSTILE = "<img src=x onerror=window.pwned=1>\u202e" + 2_000 * "x"


@pytest.fixture
def told(lab_page: LabPage) -> ExtensionSimulator:
    return ExtensionSimulator(lab_page.page)


def opened(lab_page: LabPage, jupyter: LabServer, told: ExtensionSimulator, kept: Any) -> Locator:
    """The output of a cell that shows `kept`, in a notebook whose kernel never ran it."""
    file = jupyter.root / NOTEBOOK
    write_notebook(file, [("local", "journey"), ("local", ""), ("local", ""), ("local", "x = 1")])
    notebook = nbformat.read(file, as_version=4)
    data = {MIME_TYPE: kept, "text/html": "<p>A table.</p>", "text/plain": "A text."}
    notebook.cells[0].outputs = [nbformat.v4.new_output("display_data", data)]
    nbformat.write(notebook, file)
    told.begin()
    lab_page.open(NOTEBOOK)
    return lab_page.cell(0).locator(".pht-JourneyOutput")


def test_a_journey_that_is_over_is_shown_as_it_was_kept(lab_page, jupyter, told):
    over = {**OVER, "removed": None}
    output = opened(lab_page, jupyter, told, over)
    expect(output.locator(".pht-journey-summary")).to_have_text("1 departed, 1 failed, 1 refused")
    stops = output.get_by_role("list").get_by_role("listitem")
    expect(stops.nth(0)).to_contain_text("ran 0.8 s, sent 14.2 kB")
    expect(stops.nth(1)).to_contain_text("KeyError in cell 4, line 2")
    expect(output.get_by_role("alert")).to_contain_text("ulm signed two different records")
    expect(lab_page.cell(0)).not_to_contain_text("A table.")
    stops.nth(1).get_by_role("button", name="Go to cell 4, line 2").click()
    expect(lab_page.cell(3)).to_contain_class("jp-mod-active")
    told.answers[f"GET journeys/{OVER['id']}/results"] = Answer({}, 404)
    output.get_by_role("button", name="Results").click()
    expect(lab_page.page.locator(".pht-Results")).to_be_visible()


def test_what_became_known_after_a_journey_s_end_is_shown_with_what_was_kept(
    lab_page, jupyter, told
):
    """A station signed another record, and the results were removed."""
    stops = [a_stop("cleveland", 0), a_stop("hungary", 1, "failed"), a_stop("ulm", 2, "refused")]
    told.journeys = [a_journey(*stops, id=OVER["id"])]
    over = {**OVER, "removed": None}
    over["stops"] = [{**stop, "contradicted": False} for stop in over["stops"]]
    output = opened(lab_page, jupyter, told, over)
    expect(output.get_by_role("button", name="Results")).to_be_visible()
    expect(output.get_by_role("alert")).to_have_count(0)
    stops[0]["contradicted"] = True
    later = a_journey(*stops, id=OVER["id"], removed="2026-06-01T00:00:00Z")
    told.tell("journey", later)
    expect(output.get_by_role("alert")).to_contain_text("cleveland signed two different records")
    expect(output.get_by_role("listitem").first).to_contain_text("ran 0.8 s, sent 14.2 kB")
    expect(output.get_by_role("button", name="Results")).to_have_count(0)
    expect(output).to_contain_text("its results were removed")


def test_a_journey_that_went_on_is_shown_as_it_is_now(lab_page, jupyter, told):
    begun = {"seconds": None, "updated": ago(2)}
    now = a_journey(
        a_stop("cleveland", 0, "running", cell=4, cells=5, **begun),
        a_stop("hungary", 1, "held", **begun),
        id=GOING["id"],
        submitted=ago(5),
    )
    told.journeys = [now]
    output = opened(lab_page, jupyter, told, GOING)
    expect(output.get_by_role("progressbar", name="cleveland")).to_have_attribute(
        "aria-valuetext", "running, cell 4 of 5"
    )
    told.answers[f"POST journeys/{now['id']}/cancel"] = Answer({**now, "cancelled": True})
    output.get_by_role("button", name="Cancel…").click()
    output.get_by_role("button", name="Cancel the journey").click()
    expect(output.get_by_role("button", name="Cancel…")).to_be_hidden()
    ended = [a_stop("cleveland", 0), a_stop("hungary", 1, "cancelled")]
    told.tell("journey", {**now, "done": True, "cancelled": True, "stops": ended})
    expect(output.locator(".pht-journey-summary")).to_have_text("1 of 2 departed")
    expect(output.get_by_role("button", name="Results")).to_be_visible()


def test_a_journey_that_the_server_does_not_know_offers_nothing_to_cancel(lab_page, jupyter, told):
    output = opened(lab_page, jupyter, told, GOING)
    expect(output).to_contain_text("running, cell 3 of 5")
    expect(output.get_by_text("for 12 s")).to_be_visible()
    expect(output.get_by_role("button", name="Cancel…")).to_be_hidden()


def test_a_forged_map_is_text(lab_page, jupyter, told):
    forged = deepcopy(OVER)
    forged.update(train_name=HOSTILE, short=HOSTILE, summary=HOSTILE, researcher=HOSTILE)
    error = {"type": HOSTILE, "cell": 1, "line": 1, "message": HOSTILE}
    for stop in forged["stops"]:
        stop.update(station=HOSTILE, sentence=HOSTILE, state=HOSTILE, error=error)
    output = opened(lab_page, jupyter, told, forged)
    expect(output.locator(".pht-journey-name")).to_contain_text("<img src=x onerror=")
    expect(lab_page.page.locator("img[src=x]")).to_have_count(0)
    assert evaluate(lab_page.page, "window.pwned") is None
    assert output.evaluate("node => node.scrollWidth - node.clientWidth") <= 0


def test_what_is_no_map_is_said_to_be_none(lab_page, jupyter, told):
    output = opened(lab_page, jupyter, told, {"stops": [None]})
    expect(output).to_contain_text("no journey that this version of phtlab can show")


def test_a_kept_journey_is_resumed_only_while_central_says_that_it_can_be(lab_page, jupyter, told):
    """What a notebook keeps may be old: another journey may continue it by now."""
    stops = [a_stop("cleveland", 0), a_stop("hungary", 1, "failed")]
    known = a_journey(*stops, id=RESUMABLE["id"], route="sequential", resumable=True)
    output = opened(lab_page, jupyter, told, RESUMABLE)
    expect(output.get_by_role("listitem")).to_have_count(2)
    expect(output.get_by_role("button", name="Resume…")).to_have_count(0)
    told.tell("journey", known)
    lab_page.light()
    picture(lab_page.page, "sequential-output-light")
    output.get_by_role("button", name="Resume…").click()
    asked = lab_page.page.locator(".jp-Dialog")
    expect(asked).to_contain_text("Resume this journey?")
    asked.get_by_role("button", name="Not now").click()
    later = "sha256:" + 64 * "d"
    told.tell("journey", {**known, "resumable": False, "continued_by": later})
    expect(output).to_contain_text("continued by journey dddddddddddd")
    expect(output.get_by_role("button", name="Resume…")).to_have_count(0)
