"""The widget, and the plugin phtlab:journey-renderer: the map moves, its buttons reach Lab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.ui.chromium import evaluate
from tests.ui.lab_page import LabPage, write_notebook
from tests.ui.lab_server import LabServer

ROOT = Path(__file__).parents[2]
NOTEBOOK = "watch.ipynb"

BEGIN = f"""\
import sys
sys.path.insert(0, {str(ROOT)!r})
from phtlab.train.documents.record import CellError
from tests.lab.told_journey import told_journey, view
journey, central = told_journey("cleveland", "hungary", state="running", cell=3, cells=5)
"""
FAIL = """\
error = CellError(type="KeyError", cell=4, line=1)
central.move("hungary", state="failed", sentence="A cell failed.", error=error, cell=None)
"""
END = "central.move('cleveland', state='departed', cell=None)"
TWICE = "central.move('hungary', state='departed', cell=None, contradicted=True)"
HOSTILE = """\
journey, central = told_journey(
    "cleveland", "hungary", name="<img src=x onerror=alert(1)>" + 10_000 * "x"
)
script = "<script>alert(1)</script>\\u202egnp.exe"
names = [script + 10_000 * "y", "\\u05e2\\u05d1\\u05e8\\u05d9\\u05ea"]
stops = [s.model_copy(update={"station": n}) for s, n in zip(central.view.stops, names)]
central.view = central.view.model_copy(update={"stops": tuple(stops)})
journey.refresh()
"""


@pytest.fixture
def notebook(lab_page: LabPage, jupyter: LabServer) -> Iterator[LabPage]:
    cells = [BEGIN + "journey", "journey", FAIL, END, "journey.wait()", HOSTILE, TWICE]
    write_notebook(jupyter.root / NOTEBOOK, [("local", cell) for cell in cells])
    lab_page.open(NOTEBOOK)
    evaluate(lab_page.page, "jupyterapp.shell.currentWidget.sessionContext.ready")
    yield lab_page
    # It may be waiting, and the next test opens the same file.
    evaluate(lab_page.page, "jupyterapp.shell.currentWidget.sessionContext.shutdown()")


def run(lab_page: LabPage, index: int) -> Locator:
    """Run the cell at `index`; its output."""
    lab_page.select(index)
    lab_page.page.keyboard.press("Control+Enter")  # the command would wait for a cell that waits
    return lab_page.cell(index).locator(".jp-OutputArea")


def test_the_map_moves_and_one_that_needs_no_kernel_takes_its_place_at_the_end(notebook):
    first, second = run(notebook, 0), run(notebook, 1)
    for output in (first, second):
        shown = output.locator(".pht-journey-map")
        expect(shown.get_by_role("list").get_by_role("listitem")).to_have_count(2)
        expect(shown.get_by_role("progressbar", name="cleveland")).to_have_attribute(
            "aria-valuetext", "running, cell 3 of 5"
        )
        expect(shown.get_by_text("running at 2 stations").first).to_be_visible()
    run(notebook, 2)
    for output in (first, second):
        expect(output.locator(".pht-journey-stop[data-state=failed]")).to_contain_text("KeyError")
    first.get_by_role("button", name="Go to cell 4, line 1").click()
    assert evaluate(notebook.page, "jupyterapp.shell.currentWidget.content.activeCellIndex") == 3
    run(notebook, 3)
    for output in (first, second):
        kept = output.locator(".pht-JourneyOutput")
        expect(kept).to_contain_text("1 departed, 1 failed")
        expect(kept.locator(".pht-journey-stop[data-state=failed]")).to_contain_text("KeyError")
        expect(output.locator(".pht-journey-map")).to_have_count(1)
        expect(output.get_by_role("button", name="Results")).to_be_visible()


def test_cancel_is_confirmed_and_reaches_a_kernel_that_waits(notebook):
    run(notebook, 0)
    run(notebook, 3)
    shown = run(notebook, 4).locator(".pht-journey-map")
    expect(notebook.cell(4).locator(".jp-InputPrompt")).to_have_text("[*]:")
    shown.get_by_role("button", name="Cancel…").click()
    expect(shown.get_by_role("button", name="Keep going")).to_be_focused()
    notebook.page.keyboard.press("Escape")
    expect(shown.get_by_role("button", name="Cancel…")).to_be_focused()
    shown.get_by_role("button", name="Cancel…").click()
    shown.get_by_role("button", name="Cancel the journey").click()
    expect(shown.locator(".pht-journey-summary")).to_have_text("1 of 2 ended, asked to stop")
    expect(shown.get_by_role("button", name="Cancel…")).to_be_hidden()


def test_what_others_wrote_is_text_and_keeps_its_place(notebook):
    run(notebook, 0)
    shown = run(notebook, 5).locator(".pht-journey-map")
    name = shown.locator(".pht-journey-name")
    expect(name).to_contain_text("<img src=x onerror=a…x")
    assert shown.locator("img, script").count() == 0
    assert len(name.text_content() or "") <= 40
    first, second = shown.locator(".pht-journey-station").all()
    assert "\u202e" not in (first.text_content() or ""), "what nobody sees is written out"
    assert len(first.text_content() or "") <= 40
    mark = shown.locator(".pht-journey-mark").nth(1)
    starts = "e => { const r = document.createRange(); r.selectNodeContents(e);" + (
        " return r.getBoundingClientRect().x; }"
    )
    # Written from right to left, it still stands below its mark.
    assert second.evaluate(starts) == pytest.approx(mark.evaluate(starts), abs=30)
    panel, inner = notebook.notebook.bounding_box(), shown.bounding_box()
    assert panel is not None
    assert inner is not None
    assert inner["x"] + inner["width"] <= panel["x"] + panel["width"]


def test_two_records_of_a_stop_are_an_alarm_on_the_map_and_on_what_stays_of_it(notebook):
    shown = run(notebook, 0)
    run(notebook, 6)
    alarm = shown.get_by_role("alert")
    expect(alarm).to_contain_text("hungary signed two different records of this journey")
    run(notebook, 3)
    expect(shown.locator(".pht-JourneyOutput").get_by_role("alert")).to_contain_text(
        "hungary signed"
    )
