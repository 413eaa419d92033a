"""The plugin phtlab:dispatch-from-code: the page asks; results say what is missing.

A real consortium, whose stations withhold rows and hold trains, and the notebook that a new
analysis begins with.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from phtlab.demo.world import World
from phtlab.lab import Lab
from phtlab.station.policy.policy import default_policy
from tests.story.operator import policies
from tests.story.pictures import picture
from tests.ui.chromium import evaluate
from tests.ui.lab_page import LabPage, write_notebook

JOURNEY = 180_000  # ms, with five stations on two busy cores
PARAMETERS, STATION, DISPATCH, WAIT, AGGREGATE = range(1, 6)  # cells of the template, from 0

pytestmark = pytest.mark.engine


@pytest.fixture
def here(lab_in_world: LabPage, world: World) -> Iterator[LabPage]:
    """A new analysis, the panel beside it, the key open."""
    lab_in_world.open()
    lab_in_world.command("phtlab:open-train")
    panel = lab_in_world.page.locator("#phtlab-train-panel")
    unlock = panel.get_by_role("button", name="Unlock…")
    stations = panel.locator(".pht-Stations > li")
    expect(unlock.or_(stations.first)).to_be_visible()
    if unlock.is_visible():
        unlock.click()
        lab_in_world.page.get_by_label("Passphrase").fill(world.passphrase)
        lab_in_world.page.keyboard.press("Enter")
        expect(unlock).to_have_count(0)
    expect(stations).to_have_count(5)
    lab_in_world.command("phtlab:new-analysis")
    expect(panel.locator(".pht-Verdict")).to_have_text("● ok", timeout=60_000)
    evaluate(lab_in_world.page, "jupyterapp.shell.currentWidget.sessionContext.ready")
    lab_in_world.save()
    yield lab_in_world
    evaluate(lab_in_world.page, "jupyterapp.shell.currentWidget?.sessionContext?.shutdown()")


def run_all(here: LabPage) -> None:
    evaluate(here.page, "void jupyterapp.commands.execute('notebook:run-all-cells')")


def run(here: LabPage, index: int) -> Locator:
    """Run the cell at `index`; its output."""
    here.select(index)
    here.page.keyboard.press("Control+Enter")
    return here.cell(index).locator(".jp-OutputArea")


def asked(here: LabPage) -> Locator:
    return here.page.locator(".jp-Dialog").filter(has_text="Send this train?")


def newest(here: LabPage) -> Locator:
    """The newest journey in the panel, opened."""
    journey = here.page.locator("#phtlab-train-panel .pht-Journeys > li").first
    row = journey.locator(".pht-Row")
    if row.get_attribute("aria-expanded") == "false":
        row.click()
    expect(row).to_have_attribute("aria-expanded", "true")
    return journey


def sent(lab: Lab) -> int:
    """How many journeys central has of this researcher."""
    return len(lab.journeys())


def test_run_all_sends_nothing_and_what_is_sent_was_asked_about(here: LabPage, lab: Lab):
    before = sent(lab)
    run_all(here)
    dialog = asked(here)
    expect(dialog).to_be_visible(timeout=60_000)
    for words in ("cleveland", "hungary", "switzerland", "va-long-beach", "min_age", "counts"):
        expect(dialog).to_contain_text(words)
    expect(dialog).to_contain_text("Nothing has been sent yet")
    wait = here.cell(WAIT).locator(".jp-OutputArea")
    expect(wait).to_contain_text("is not sent yet", timeout=60_000)
    picture(here.page, "run-all-1-asked")
    # A stray Enter is no answer.
    here.page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    card = here.cell(DISPATCH).locator(".pht-journey-map")
    expect(card).to_contain_text("not sent yet")
    expect(here.cell(AGGREGATE).locator(".jp-OutputArea-output")).to_have_count(0)
    picture(here.page, "run-all-2-not-sent")
    expect(run(here, AGGREGATE)).to_contain_text("is not sent yet", timeout=60_000)
    assert sent(lab) == before

    # The card asks again, and the answer sends exactly one.
    here.cell(DISPATCH).get_by_role("button", name="Send…").click()
    dialog.get_by_role("button", name="Send", exact=True).click()
    route = here.cell(DISPATCH).locator(".pht-journey-stop").first
    expect(route).to_be_visible(timeout=60_000)
    expect(run(here, WAIT).last).to_contain_text("all 4 departed", timeout=JOURNEY)
    assert sent(lab) == before + 1

    # What is missing is said above the pooled numbers, in the cell and in the page of results.
    told = run(here, AGGREGATE)
    note = told.get_by_role("note")
    expect(note).to_contain_text("va-long-beach withheld 1 row below 10", timeout=60_000)
    expect(note).to_contain_text("Sums over stations are too low by what is missing.")
    expect(note).to_have_count(1)
    picture(here.page, "withheld-1-cell")
    newest(here).get_by_role("button", name="Results", exact=True).click()
    results = here.page.locator(".pht-Results")
    note = results.get_by_role("note")
    expect(note).to_contain_text("va-long-beach withheld 1 row below 10", timeout=60_000)
    picture(here.page, "withheld-2-page")
    results.get_by_role("button", name="Open in a notebook").click()
    here.page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget?.context?.path.includes('-')"
        " && window.jupyterapp.shell.currentWidget.context.isReady"
    )
    evaluate(here.page, "jupyterapp.shell.currentWidget.sessionContext.ready")
    run_all(here)
    for index in (2, 3):  # the table, and the plot of it
        note = here.cell(index).locator(".jp-OutputArea").get_by_role("note")
        expect(note).to_contain_text("va-long-beach withheld 1 row below 10", timeout=60_000)
        expect(note).to_have_count(1)
    picture(here.page, "withheld-3-made")


def test_results_so_far_while_a_person_holds_one_stop(here: LabPage, world: World):
    with policies(world, hungary=default_policy("human")):
        for index in (PARAMETERS, STATION, DISPATCH):
            run(here, index)
        dialog = asked(here)
        expect(dialog).to_be_visible(timeout=60_000)
        dialog.get_by_role("button", name="Send", exact=True).click()
        card = here.cell(DISPATCH).locator(".pht-journey-map")
        opened = card.get_by_role("button", name="Results so far (3 of 4)")
        expect(opened).to_be_visible(timeout=JOURNEY)
        journey = newest(here)
        expect(journey.get_by_role("button", name="Results so far (3 of 4)")).to_be_visible()
        picture(here.page, "so-far-1-notebook")
        opened.click()
        results = here.page.locator(".pht-Results")
        expect(results.get_by_role("heading", level=1)).to_contain_text("Results so far")
        hungary = results.get_by_role("list", name="Stops").locator("li").filter(has_text="hungary")
        expect(hungary).to_contain_text("not in it yet", timeout=60_000)
        expect(hungary).to_contain_text("held: a person there decides")
        note = results.get_by_role("note")
        expect(note).to_contain_text("hungary is not in it yet (held")
        picture(here.page, "so-far-2-page")

        # Code goes on from there, and says so too.
        results.get_by_role("button", name="Aggregate here").click()
        here.page.wait_for_function("() => window.jupyterapp.shell.currentWidget?.context?.isReady")
        expect(here.cell(AGGREGATE)).to_contain_text("partial=True")
        note = run(here, AGGREGATE).get_by_role("note")
        expect(note).to_contain_text("hungary is not in it yet (held", timeout=60_000)
        picture(here.page, "so-far-3-cell")

        journey.get_by_role("button", name="Cancel").click()
        here.page.get_by_role("button", name="Cancel the journey").click()
        here.page.get_by_role("tab", name="Results").last.click()
        expect(hungary).to_contain_text("cancelled", timeout=JOURNEY)
        expect(results.get_by_role("heading", level=1)).not_to_contain_text("so far")


def test_the_call_that_asks_for_no_question_gets_none(here: LabPage, lab: Lab):
    before = sent(lab)
    cells = [
        ("parameters", "min_age: int = 40  # 18..60"),
        (
            "station",
            "import phtlab\n\nheart = phtlab.dataset('heart')\n"
            "phtlab.publish('n', len(heart), kind='scalar', counts='people')",
        ),
        (
            "local",
            "import phtlab\n\njourney = phtlab.connect().dispatch("
            "stations='cleveland', confirm=False)\njourney.wait()",
        ),
    ]
    write_notebook(here.server.root / "unasked.ipynb", cells)
    here.open("unasked.ipynb")
    evaluate(here.page, "jupyterapp.shell.currentWidget.sessionContext.ready")
    expect(run(here, 2)).to_contain_text("departed", timeout=JOURNEY)
    expect(asked(here)).to_have_count(0)
    assert sent(lab) == before + 1
