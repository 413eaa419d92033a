"""The focus stays where a person writes: the plugin phtlab:train-panel, which is drawn late, takes
it only from whoever does nothing else.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.ui.chromium import evaluate
from tests.ui.extension_simulator import Answer, ExtensionSimulator, a_journey, a_stop, refusal
from tests.ui.lab_page import LabPage, write_notebook
from tests.ui.lab_server import LabServer
from tests.ui.told_shapes import a_check, a_consortium
from tests.ui.train_panel import CELLS, NOTEBOOK

TRIED = a_journey(a_stop("twin", 0, "offered", seconds=None), twin=True)
TYPED = "# typed meanwhile"

# Lab says that a widget is drawn when the page is idle: from then on it is when the test says so.
_BE_BUSY = """() => {
    window.whenIdle = [];
    window.reallyIdle = window.requestIdleCallback;
    window.requestIdleCallback = callback => window.whenIdle.push(callback);
}"""
_BE_IDLE = """async () => {
    window.requestIdleCallback = window.reallyIdle;
    for (const callback of window.whenIdle.splice(0)) { requestIdleCallback(callback); }
    // Those run in their order: this one after them, and then what waits for their promises.
    await new Promise(resolve => requestIdleCallback(resolve));
    await new Promise(resolve => setTimeout(resolve));
}"""
# The answer to a dispatch reaches the page when the test says so.
_HOLD_DISPATCH = """(() => {
    const fetch = window.fetch;
    const released = new Promise(resolve => { window.releaseDispatch = resolve; });
    window.fetch = async (request, ...more) => {
        const answer = await fetch(request, ...more);
        if (request.method === 'POST' && request.url.includes('/phtlab/journeys')) {
            await released;
        }
        return answer;
    };
})()"""


@pytest.fixture
def simulator(lab_page: LabPage, jupyter: LabServer) -> ExtensionSimulator:
    write_notebook(jupyter.root / NOTEBOOK, CELLS)
    simulator = ExtensionSimulator(lab_page.page)
    simulator.stations = a_consortium()
    simulator.answers |= {
        "POST check": Answer(a_check()),
        "GET kernels": Answer([]),
        "POST journeys": Answer(TRIED, 201),
    }
    return simulator


@pytest.fixture
def panel(lab_page: LabPage, simulator: ExtensionSimulator) -> Locator:
    """Not open yet; the notebook is, with all cells drawn."""
    simulator.begin()
    lab_page.page.add_init_script(_HOLD_DISPATCH)
    lab_page.open(NOTEBOOK)
    expect(lab_page.cell(4).locator(".cm-content")).to_be_visible()
    return lab_page.page.locator("#phtlab-train-panel")


def write(lab_page: LabPage) -> Locator:
    """Click into a cell, and type."""
    text = lab_page.cell(4).locator(".cm-content")
    text.click()
    lab_page.page.keyboard.insert_text(TYPED)
    return text


def test_the_panel_has_the_focus_once_it_is_drawn(lab_page, panel):
    evaluate(lab_page.page, _BE_BUSY)
    lab_page.command("phtlab:open-train")
    expect(panel.get_by_role("button", name="Dry run")).to_be_visible()
    evaluate(lab_page.page, _BE_IDLE)
    expect(panel.locator("button:focus")).to_have_count(1)


def test_whoever_writes_in_a_cell_before_the_panel_is_drawn_writes_on(lab_page, panel):
    """Before, the page became idle, and what was typed went to the panel's first button."""
    evaluate(lab_page.page, _BE_BUSY)
    lab_page.command("phtlab:open-train")
    expect(panel.get_by_role("button", name="Dry run")).to_be_visible()
    text = write(lab_page)
    evaluate(lab_page.page, _BE_IDLE)
    expect(text).to_be_focused()
    lab_page.page.keyboard.insert_text("!")
    expect(text).to_have_text(f"{TYPED}!")


@pytest.mark.parametrize("answer", ["sent", "refused"])
def test_whoever_writes_while_a_dry_run_starts_writes_on(lab_page, simulator, panel, answer):
    """Before, the answer came, and the focus went to the journey, or to the panel's top."""
    if answer == "refused":
        simulator.answers["POST journeys"] = refusal("busy", "Too many dry runs at once.")
    lab_page.command("phtlab:open-train")
    expect(panel.locator("button:focus")).to_have_count(1)
    panel.get_by_role("button", name="Dry run").click()
    expect(panel).to_contain_text("Starting the dry run")
    text = write(lab_page)
    evaluate(lab_page.page, _BE_BUSY)
    evaluate(lab_page.page, "() => window.releaseDispatch()")
    if answer == "sent":
        expect(panel.locator(".pht-journey-route")).to_be_visible()
    else:
        expect(panel).to_contain_text("Too many dry runs at once.")
    evaluate(lab_page.page, _BE_IDLE)
    expect(text).to_be_focused()
    lab_page.page.keyboard.insert_text("!")
    expect(text).to_have_text(f"{TYPED}!")
