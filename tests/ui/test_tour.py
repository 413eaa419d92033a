"""The tour of the panels, walked as its text says: every click that it names, in a real Lab."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from playwright.sync_api import Locator, Page, expect

from phtlab.demo.world import World
from phtlab.share import share
from tests.ui.lab_page import LabPage

NAME = "tour.ipynb"
TOUR = share("notebooks") / NAME
PARAMETERS, STATION, AGGREGATE = 2, 3, 5  # cells, from 0
JOURNEY = 120_000  # ms, for four hospitals on a busy machine

pytestmark = pytest.mark.engine


class Walk:
    """Someone with the text in hand. `named` is what it says in bold, `clicked` what was there."""

    def __init__(self, lab: LabPage):
        self.lab = lab
        self.page: Page = lab.page
        self.panel = lab.page.locator("#phtlab-train-panel")
        text = "".join(
            "".join(cell["source"])
            for cell in json.loads(TOUR.read_text())["cells"]
            if cell["cell_type"] == "markdown"
        )
        self.named = set(re.findall(r"\*\*([^*]+)\*\*", text))
        self.clicked: set[str] = set()

    def click(self, name: str, within: Locator | None = None) -> None:
        place = within or self.panel
        place.get_by_role("button", name=name, exact=True).first.click()
        self.clicked.add(name)


@pytest.fixture
def walk(lab_in_world: LabPage, world: World) -> Walk:
    shutil.copy(TOUR, lab_in_world.server.root / NAME)
    lab_in_world.open(NAME)
    return Walk(lab_in_world)


def test_the_tour_is_as_it_says(walk: Walk, world: World):
    lab, page, panel = walk.lab, walk.page, walk.panel

    lab.sidebar("Train")
    walk.clicked.add("Train")
    expect(panel.get_by_text("Your key is locked")).to_be_visible()
    walk.click("Unlock…")
    page.get_by_label("Passphrase").fill(world.passphrase)
    page.keyboard.press("Enter")
    expect(panel.get_by_role("button", name="Unlock…")).to_have_count(0)

    where_a_cell_runs(walk)
    mistakes(walk)

    age = panel.get_by_label("min_age")
    age.fill("17")
    expect(panel.locator("form, section").get_by_text("18 to 60").first).to_be_visible()
    expect(age).to_have_attribute("aria-invalid", "true")
    age.fill("50")
    expect(age).not_to_have_attribute("aria-invalid", "true")

    stations(walk)
    rehearsal(walk)
    hospitals(walk)
    results(walk)
    key(walk)
    assert walk.clicked == walk.named, "what the text says in bold is what there is to click on"


def where_a_cell_runs(walk: Walk) -> None:
    cell = walk.lab.select(PARAMETERS)
    walk.page.keyboard.press("g")
    walk.page.keyboard.press("l")
    expect(cell).to_have_attribute("data-pht-role", "local")
    walk.page.keyboard.press("g")
    walk.page.keyboard.press("p")
    expect(cell).to_have_attribute("data-pht-role", "parameters")


def mistakes(walk: Walk) -> None:
    verdict = walk.panel.locator(".pht-Verdict")
    expect(verdict).to_have_text("● ok")
    line = walk.lab.cell(STATION).locator(".cm-line").filter(has_text="patients = heart")
    line.click(position={"x": 5, "y": 8})
    walk.page.keyboard.press("Home")
    for _ in "patients":
        walk.page.keyboard.press("ArrowRight")
    walk.page.keyboard.press("Backspace")
    expect(verdict).to_contain_text("problem")
    expect(walk.lab.cell(STATION).get_by_text("'patients'").last).to_be_visible()
    walk.page.keyboard.type("s")
    expect(verdict).to_have_text("● ok")


def stations(walk: Walk) -> None:
    hospital = walk.panel.locator(".pht-Stations > li").filter(has_text="cleveland")
    hospital.locator(".pht-Row").click()
    expect(hospital.locator(".pht-Schema")).to_contain_text("age")
    expect(hospital.locator(".pht-Insert code")).to_have_text('heart = phtlab.dataset("heart")')
    hospital.locator(".pht-Row").click()


def newest(walk: Walk) -> Locator:
    return walk.panel.locator(".pht-Journeys > li").first


def rehearsal(walk: Walk) -> None:
    walk.click("Dry run")
    expect(newest(walk).locator(".pht-Row")).to_contain_text("dry run", timeout=JOURNEY)
    expect(newest(walk).locator(".pht-Row")).to_contain_text("dry run, done", timeout=JOURNEY)


def hospitals(walk: Walk) -> None:
    walk.click("Dispatch…")
    asked = walk.page.locator(".pht-Dispatch-dialog")
    asked.get_by_role("checkbox", name=re.compile("^.*switzerland")).uncheck()
    expect(asked.locator(".pht-Dispatch-summary")).to_contain_text("You sign:")
    expect(asked.locator(".pht-Dispatch-summary")).to_contain_text("min_age = 50")
    walk.click("Sign and dispatch", asked)
    expect(asked).to_have_count(0)
    expect(newest(walk).locator(".pht-journey-stop")).to_have_count(3)
    expect(newest(walk).locator(".pht-Row")).to_contain_text("done", timeout=JOURNEY)


def results(walk: Walk) -> None:
    walk.click("Results", newest(walk))
    shown = walk.page.locator(".pht-Results")
    shown.get_by_role("tab", name="bars").click()
    expect(shown.get_by_role("tabpanel").get_by_role("img")).to_have_count(3)
    shown.get_by_role("tab", name="by_sex").click()
    expect(shown.get_by_role("tabpanel")).to_contain_text("table from 3 of 3 stations")
    for name in ("Open in a notebook", "Export…"):
        expect(shown.get_by_role("button", name=name)).to_be_visible()
        walk.clicked.add(name)
    walk.click("Aggregate here", shown)
    expect(shown).to_be_hidden()
    walk.lab.ready(NAME)
    cell = walk.lab.cell(AGGREGATE)
    expect(cell.locator(".cm-content")).to_contain_text('phtlab.results("sha256:')
    walk.lab.select(AGGREGATE)
    walk.page.keyboard.press("Control+Enter")
    output = cell.locator(".jp-OutputArea-output")
    expect(output.last).to_contain_text(re.compile(r"Female\s+\d+\s+Male\s+\d+"), timeout=JOURNEY)


def key(walk: Walk) -> None:
    walk.lab.palette("Keys")
    panel = walk.page.locator(".pht-Keys")
    expect(panel.get_by_role("heading", name="Keys", level=1)).to_be_visible()
    expect(panel).to_contain_text("Whoever can read your files on this computer")
    walk.clicked.add("Keys")
    with walk.page.expect_download() as downloaded:
        walk.click("Download a backup", panel)
    assert downloaded.value.suggested_filename.endswith(".key.age")
