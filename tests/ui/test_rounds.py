"""Rounds in Lab, from a new notebook to a converged regression over real hospitals."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from playwright.sync_api import Locator, expect

from phtlab.demo.world import World
from tests.e2e.test_rounds_journey import COMBINE, LOAD, PARAMETERS, STEP
from tests.story.pictures import picture
from tests.ui.chromium import evaluate
from tests.ui.lab_page import LabPage

JOURNEY = 180_000  # ms, with four stations on two busy cores
SLOW = "import time\ntime.sleep(3)\n"  # so that a person, and the test, sees a round
DISPATCH = """\
import phtlab
journey = phtlab.connect().dispatch(stations="all", rounds=20)
"""
CELLS = (
    ("parameters", PARAMETERS),
    ("station", LOAD),
    ("round", SLOW + STEP),
    ("combine", COMBINE.replace("phtlab.report(step=", "phtlab.report(age=beta[1], step=")),
    ("local", DISPATCH),
    ("local", "journey.wait()"),
    ("local", "journey.results().combined['beta']"),
)

pytestmark = pytest.mark.engine


def new_notebook(lab: LabPage) -> None:
    """Choose the first kernel's card in the launcher, and wait for the notebook's kernel."""
    lab.page.locator('.jp-LauncherCard[data-category="Notebook"]').first.click()
    lab.page.wait_for_function(
        """() => {
            const shown = window.jupyterapp.shell.currentWidget;
            return shown?.content?.scrollToItem && shown.context.isReady
                && shown.sessionContext.session?.kernel?.status === 'idle';
        }""",
        timeout=JOURNEY,
    )


def write_cells(lab: LabPage, cells: Sequence[tuple[str, str]]) -> None:
    """Type each cell, and give it its role in its toolbar."""
    for index, (role, source) in enumerate(cells):
        if index:
            evaluate(lab.page, "jupyterapp.commands.execute('notebook:insert-cell-below')")
        cell = lab.cell(index)
        cell.locator(".cm-content").fill(source.rstrip())
        if role != "local":
            lab.select(index).get_by_label("Where the cell runs").select_option(role)
        expect(cell).to_have_attribute("data-pht-role", role)


def written_notebook(
    lab: LabPage, world: World, name: str, cells: Sequence[tuple[str, str]]
) -> Locator:
    """Write a new notebook of `cells` that can travel; return the Train panel."""
    page = lab.page
    lab.open()
    lab.light()
    lab.command("phtlab:open-train")
    panel = page.locator("#phtlab-train-panel")
    unlock = panel.get_by_role("button", name="Unlock…")
    expect(unlock.or_(panel.locator(".pht-Stations > li").first)).to_be_visible()
    if unlock.is_visible():
        unlock.click()
        page.get_by_label("Passphrase").fill(world.passphrase)
        page.keyboard.press("Enter")
        expect(unlock).to_have_count(0)
    new_notebook(lab)
    write_cells(lab, cells)
    evaluate(
        page,
        f"""async () => {{
            const {{ context }} = jupyterapp.shell.currentWidget;
            await context.rename('{name}');
            await context.save();
        }}""",
    )
    expect(panel.locator(".pht-Verdict")).to_have_text("● ok", timeout=60_000)
    expect(panel.locator(".pht-Head-facts")).to_contain_text("rounds")
    return panel


def dispatched_and_awaited(lab: LabPage) -> Locator:
    """Run the cells that dispatch and wait; return the journey's map below the latter."""
    lab.select(4)
    lab.page.keyboard.press("Control+Enter")
    lab.confirm_sending()
    expect(lab.cell(4).locator(".pht-journey-stop").first).to_be_visible(timeout=60_000)
    lab.select(5)
    lab.page.keyboard.press("Control+Enter")
    return lab.cell(5).locator(".pht-journey-map")


def test_a_regression_by_rounds_from_a_new_notebook(lab_in_world: LabPage, world: World) -> None:
    lab, page = lab_in_world, lab_in_world.page
    panel = written_notebook(lab, world, "regression.ipynb", CELLS)
    lab.select(2)
    picture(page, "rounds-notebook")

    view = dispatched_and_awaited(lab)
    number = view.locator(".pht-journey-rounds-number")
    expect(number).to_have_text(re.compile(r"Round [3-9] of at most 20"), timeout=JOURNEY)
    expect(view.locator(".pht-journey-answer")).to_have_count(4)
    expect(view.locator(".pht-journey-plot")).to_have_count(2)
    expect(view.get_by_role("button", name="Stop early…")).to_be_visible()
    view.scroll_into_view_if_needed()
    picture(page, "rounds-live-light")
    # The panel shows the same, from the server.
    journey = panel.locator(".pht-Journeys > li").first
    journey.locator(".pht-Row").click()
    expect(journey.locator(".pht-journey-plot")).to_have_count(2)
    journey.locator(".pht-journey-rounds").scroll_into_view_if_needed()
    lab.dark()
    picture(page, "rounds-live-dark")
    lab.light()

    expect(number).to_have_text(re.compile("Ended after round"), timeout=JOURNEY)
    expect(panel.locator(".pht-Journeys > li").first.locator(".pht-Row")).to_contain_text(
        "done", timeout=JOURNEY
    )
    view.get_by_role("button", name="Results").click()
    results = page.locator(".pht-Results")
    combined = results.get_by_role("region", name="Rounds")
    expect(combined.locator("table")).to_contain_text("beta", timeout=60_000)
    expect(combined.locator("tbody tr")).to_have_count(3)
    expect(combined.locator(".pht-journey-plot")).to_have_count(2)
    title = results.locator(".pht-Stop-title").first
    expect(title).to_have_text(re.compile(r"computed \d+ rounds"))
    expect(results.get_by_role("tab", name="update")).to_have_count(0)
    picture(page, "rounds-results")


def test_rounds_are_stopped_early(lab_in_world: LabPage, world: World) -> None:
    """While the cell that combines them is running."""
    lab = lab_in_world
    endless = CELLS[3][1].replace("1e-10", "-1")  # never
    cells = [*CELLS[:3], ("combine", endless), *CELLS[4:]]
    written_notebook(lab, world, "stopped.ipynb", cells)
    view = dispatched_and_awaited(lab)
    number = view.locator(".pht-journey-rounds-number")
    expect(number).to_have_text(re.compile(r"Round [2-9] of"), timeout=JOURNEY)
    view.get_by_role("button", name="Stop early…").click()
    view.get_by_role("button", name="Stop early", exact=True).click()
    expect(number).to_have_text(re.compile(r"Ended after round [2-9] of"), timeout=JOURNEY)
    expect(view).to_contain_text("all 4 departed", timeout=JOURNEY)
