"""The tutorial as a newcomer meets it: opened by its button, run as it is, without a passphrase."""

from __future__ import annotations

import nbformat
import pytest
from playwright.sync_api import expect

from phtlab.demo.world import World
from phtlab.notebook import read_analysis
from phtlab.share import share
from tests.ui.chromium import evaluate
from tests.ui.lab_page import LabPage

JOURNEYS = 180_000  # ms, for two of them on a busy machine

pytestmark = pytest.mark.engine


def test_opened_and_run_from_top_to_bottom(lab_in_world: LabPage, world: World):
    page = lab_in_world.open().page
    lab_in_world.sidebar("Train")
    panel = page.locator("#phtlab-train-panel")
    panel.get_by_role("button", name="Unlock…").click()
    page.get_by_label("Passphrase").fill(world.passphrase)
    page.keyboard.press("Enter")
    lab_in_world.palette("Open the Tutorial")
    lab_in_world.ready("tutorial.ipynb")
    expect(panel.locator(".pht-Verdict")).to_have_text("● ok")

    evaluate(page, "jupyterapp.shell.currentWidget.sessionContext.ready")
    evaluate(page, "void jupyterapp.commands.execute('notebook:run-all-cells')")
    cells = read_analysis(share("notebooks/tutorial.ipynb")).aggregate_cells
    # Run All sends nothing to a hospital: it goes on, and stops where the journey is needed.
    asked = page.locator(".jp-Dialog").filter(has_text="Send this train?")
    expect(asked).to_contain_text("va-long-beach", timeout=JOURNEYS)
    texts = [cell.source for cell in nbformat.read(share("notebooks/tutorial.ipynb"), 4).cells]
    wait = texts.index("journey.wait()")
    wait_cell = lab_in_world.cell(wait)
    expect(wait_cell).to_contain_text("is not sent yet", timeout=JOURNEYS)
    journeys = panel.locator(".pht-Journeys > li").filter(has_text="tutorial")
    expect(journeys).to_have_count(1)  # the dry run
    lab_in_world.confirm_sending()
    expect(journeys).to_have_count(2, timeout=JOURNEYS)
    lab_in_world.select(wait)
    evaluate(page, "void jupyterapp.commands.execute('notebook:run-all-below')")
    plot = lab_in_world.cell(cells[-1].number - 1).locator(".jp-OutputArea-output img")
    expect(plot).to_be_visible(timeout=JOURNEYS)

    shown = evaluate(
        page,
        """jupyterapp.shell.currentWidget.model.sharedModel.cells
            .flatMap(cell => (cell.getSource && cell.outputs) || [])
            .map(output => output.output_type)""",
    )
    assert "error" not in shown
    assert len(shown) >= 8
    expect(journeys.first).to_contain_text("done")
