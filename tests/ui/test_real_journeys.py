"""The Train panel and the results of a real consortium, whatever goes away meanwhile."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, expect

from phtlab.demo.world import World
from tests.e2e.parts import bring_back, service
from tests.ui.chromium import evaluate
from tests.ui.lab_page import LabPage

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
HEART = "heart_disease.ipynb"
JOURNEY = 120_000  # ms, with five stations on two busy cores
STATIONS = ("cleveland", "hungary", "switzerland", "va-long-beach")

pytestmark = pytest.mark.engine


def panel_of(lab: LabPage) -> Locator:
    """The heart notebook and the Train panel open."""
    if not (lab.server.root / HEART).exists():
        shutil.copy(NOTEBOOKS / HEART, lab.server.root / HEART)
    lab.open(HEART)
    lab.command("phtlab:open-train")
    panel = lab.page.locator("#phtlab-train-panel")
    expect(panel.locator(".pht-Verdict")).to_have_text("● ok", timeout=60_000)
    return panel


def unlocked(lab: LabPage, world: World) -> Locator:
    """The same, the key open too."""
    panel = panel_of(lab)
    unlock = panel.get_by_role("button", name="Unlock…")
    stations = panel.locator(".pht-Stations > li")
    expect(unlock.or_(stations.first)).to_be_visible()
    if unlock.is_visible():
        unlock.click()
        lab.page.get_by_label("Passphrase").fill(world.passphrase)
        lab.page.keyboard.press("Enter")
        expect(unlock).to_have_count(0)
    expect(stations).to_have_count(5)
    return panel


def newest(panel: Locator) -> Locator:
    return panel.locator(".pht-Journeys > li").first


def sent(lab: LabPage, panel: Locator, min_age: int) -> Locator:
    """Dispatch to all hospitals; the journey in the panel, open."""
    panel.get_by_label("min_age").fill(str(min_age))
    panel.get_by_role("button", name="Dispatch…").click()
    asked = lab.page.locator(".pht-Dispatch-dialog")
    expect(asked.locator(".pht-Dispatch-summary")).to_contain_text(f"min_age = {min_age}")
    asked.get_by_role("button", name="Sign and dispatch").click()
    expect(asked).to_have_count(0, timeout=60_000)
    journey = newest(panel)
    expect(journey).to_contain_text(f"min_age = {min_age}")
    expect(journey.locator(".pht-journey-stop")).to_have_count(4)
    return journey


def ended(journey: Locator) -> Locator:
    expect(journey.get_by_role("progressbar")).to_have_count(0, timeout=JOURNEY)
    return journey


@contextmanager
def without(world: World, name: str) -> Iterator[None]:
    """A part of the consortium is away within, and back afterwards."""
    service(world, name).stop()
    try:
        yield
    finally:
        bring_back(world, name)


def test_dry_run_dispatch_and_the_results(lab_in_world: LabPage, world: World):
    lab, page = lab_in_world, lab_in_world.page
    panel = unlocked(lab, world)
    panel.get_by_role("button", name="Dry run", exact=True).click()
    expect(newest(panel).locator(".pht-Row")).to_contain_text("dry run", timeout=JOURNEY)
    expect(ended(newest(panel)).locator(".pht-Row")).to_contain_text("dry run, done")

    journey = ended(sent(lab, panel, 50))
    expect(journey.locator(".pht-Row")).to_contain_text("done")
    for station in STATIONS:
        stop = journey.locator(f'.pht-journey-stop[data-station="{station}"]')
        expect(stop).to_contain_text("departed")
    notice = page.locator(".Toastify__toast").filter(has_not_text="Dry run")
    expect(notice).to_contain_text("heart_disease")

    journey.get_by_role("button", name="Results").click()
    results = page.locator(".pht-Results")
    expect(results.get_by_role("list", name="About this journey")).to_contain_text(
        "4 of 4 stop records verified", timeout=60_000
    )
    for tab in results.get_by_role("tab").all():
        tab.click()
        panel_of_tab = results.get_by_role("tabpanel")
        expect(panel_of_tab).to_contain_text("of 4 stations")
        expect(panel_of_tab.locator("table, img, .pht-Airlock").first).to_be_visible()
    results.get_by_role("button", name="Aggregate here").click()
    lab.ready(HEART)
    shown = evaluate(
        lab.page,
        "jupyterapp.shell.currentWidget.content.widgets"
        ".map(cell => cell.model.sharedModel.getSource()).join('\\n')",
    )
    assert re.search(r'phtlab\.results\("sha256:[0-9a-f]{64}"\)', shown)
    saved = nbformat.read(lab.server.root / HEART, as_version=4)
    assert any('phtlab.results("sha256:' in cell.source for cell in saved.cells)


def test_a_second_question_of_almost_the_same_people_says_what_stayed(
    lab_in_world: LabPage, world: World
):
    """After patients of 50 and over those of 51 and over: exercise 7 of the workshop."""
    lab = lab_in_world
    panel = unlocked(lab, world)
    for age in (50, 51):
        journey = ended(sent(lab, panel, age))
        expect(journey.locator(".pht-Row")).to_contain_text("done")
    journey.get_by_role("button", name="Results").click()
    results = lab.page.locator(".pht-Results").last
    results.get_by_role("tab", name=re.compile("age_hist")).click()
    kept = results.get_by_role("tabpanel").get_by_role("list", name="What did not leave")
    expect(kept).to_contain_text(
        "cleveland withheld: It differs by fewer than 10 people from another output, or from what "
        "has left before."
    )


def test_a_station_offline_then_cancelled_then_sent_again(lab_in_world: LabPage, world: World):
    lab = lab_in_world
    panel = unlocked(lab, world)
    with without(world, "hungary"):
        away = panel.locator(".pht-Stations > li").filter(has_text="hungary")
        expect(away).to_contain_text("offline", timeout=60_000)
        journey = sent(lab, panel, 60)
        for station in set(STATIONS) - {"hungary"}:
            stop = journey.locator(f'.pht-journey-stop[data-station="{station}"]')
            expect(stop).to_contain_text("departed", timeout=JOURNEY)
        waiting = journey.locator('.pht-journey-stop[data-station="hungary"]')
        expect(waiting).to_contain_text("waiting")
        expect(journey.locator(".pht-Row")).to_contain_text("3/4")
        journey.get_by_role("button", name="Cancel").click()
        lab.page.get_by_role("button", name="Cancel the journey").click()
        expect(journey.locator(".pht-Row")).to_contain_text(
            re.compile("being cancelled|3 of 4 departed")
        )
    expect(ended(journey).locator(".pht-Row")).to_contain_text("3 of 4 departed")
    expect(waiting).to_contain_text("cancelled")
    expect(away).to_contain_text("online", timeout=60_000)

    journey.get_by_role("button", name="Send again…").click()
    asked = lab.page.locator(".pht-Dispatch-dialog")
    expect(asked.get_by_label("min_age")).to_have_value("60")
    asked.get_by_label("min_age").fill("61")
    asked.get_by_role("button", name="Sign and dispatch").click()
    expect(asked).to_have_count(0, timeout=60_000)
    again = newest(panel)
    expect(again).to_contain_text("min_age = 61")
    expect(ended(again).locator(".pht-Row")).to_contain_text("done")


def test_central_away_is_said_and_the_truth_comes_back_with_it(lab_in_world: LabPage, world: World):
    panel = unlocked(lab_in_world, world)
    before = panel.locator(".pht-Journeys > li").count()
    banner = panel.locator(".pht-Banner")
    with without(world, "central"):
        expect(banner).to_contain_text("Central", timeout=60_000)
        panel.get_by_role("button", name="Dry run", exact=True).click()
        expect(panel.get_by_role("alert")).to_contain_text("Central", timeout=60_000)
    expect(banner).to_have_count(0, timeout=60_000)
    expect(panel.locator(".pht-Stations > li")).to_have_count(5)
    expect(panel.locator(".pht-Journeys > li")).to_have_count(before)


def test_a_closed_browser_and_a_restarted_server_change_nothing(
    lab_in_world: LabPage, world: World
):
    """A journey is under way; page and server end; another page shows how it went on."""
    lab = lab_in_world
    panel = unlocked(lab, world)
    with without(world, "switzerland"):
        journey = sent(lab, panel, 70)
        expect(journey.locator(".pht-Row")).to_contain_text("/4")
        lab.page.goto("about:blank")  # what Lab had open is gone
        lab.server.stop()
    lab.server.start()
    panel = panel_of(lab)
    expect(panel.locator(".pht-Banner")).to_contain_text("Your key is locked", timeout=60_000)
    panel = unlocked(lab, world)
    journey = newest(panel)
    if journey.locator(".pht-Row").get_attribute("aria-expanded") == "false":
        journey.locator(".pht-Row").click()
    expect(journey).to_contain_text("min_age = 70")
    expect(ended(journey).locator(".pht-Row")).to_contain_text("done")
    stop = journey.locator('.pht-journey-stop[data-station="switzerland"]')
    expect(stop).to_contain_text("departed")


def test_a_lost_connection_is_said_and_the_page_recovers(lab_in_world: LabPage, world: World):
    lab = lab_in_world
    panel = unlocked(lab, world)
    banner = panel.locator(".pht-Banner")
    lab.watch.server_is_away = True
    lost = lab.page.locator(".jp-Dialog").filter(has_text="Server Connection Error")  # Lab's own
    lab.page.add_locator_handler(lost, lambda: lab.page.keyboard.press("Escape"))
    lab.server.stop()
    expect(banner).to_contain_text("Connection lost: what is shown may be old")
    lab.server.start()
    expect(banner).to_contain_text("Your key is locked", timeout=90_000)
    banner.get_by_role("button", name="Unlock…").click()
    lab.page.get_by_label("Passphrase").fill(world.passphrase)
    lab.page.keyboard.press("Enter")
    expect(banner).to_have_count(0)
    expect(panel.locator(".pht-Stations > li")).to_have_count(5)
