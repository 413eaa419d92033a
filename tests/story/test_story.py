"""From the idea to the plot without a terminal: one analyst, one browser, real containers."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Locator, expect

from phtlab.demo.hub import HubWorld
from tests.hub.session import HubSession
from tests.story.desk import JOURNEY, Desk
from tests.story.pictures import picture
from tests.ui.chromium import evaluate

# A story has many steps, each with a limit of its own.
pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

CELLS = (
    (
        "parameters",
        "min_age: int = 40  # 18..100: youngest age in years",
    ),
    (
        "station",
        "import phtlab\n\n"
        'heart = phtlab.dataset("heart")\n'
        "cohort = haert[heart.age >= min_age].assign(\n"
        '    disease=lambda rows: (rows.num > 0).map({True: "yes", False: "no"})\n'
        ")\n"
        'counts = cohort.groupby(["sex", "disease"]).size().rename("n").reset_index()\n'
        'phtlab.publish("counts", counts, counts="n")',
    ),
    (
        "station",
        "import matplotlib.pyplot as plt\n\n"
        "decades = (cohort.age // 10 * 10).value_counts().sort_index()\n"
        'figure, axis = plt.subplots(figsize=(4.5, 2.8), layout="constrained")\n'
        'axis.bar(decades.index, decades, width=9, align="edge")\n'
        'axis.set(xlabel="Age [years]", ylabel="Patients")\n'
        'phtlab.publish("ages", figure, kind="figure", counts="y")',
    ),
    (
        "local",
        "import phtlab\n\n"
        'journey = phtlab.connect().dispatch(stations="all", parameters={"min_age": 55})\n'
        "journey",
    ),
    (
        "aggregate",
        "import phtlab\n\n"
        'counts = phtlab.results().table("counts")\n'
        'pooled = counts.pivot_table(index="sex", columns="disease", values="n", aggfunc="sum")\n'
        "share = 100 * pooled.yes / pooled.sum(axis=1)\n"
        'axis = share.plot.barh(figsize=(5, 1.6), color=["#8250df", "#2da44e"])\n'
        'axis.set(xlabel="Patients with narrowed vessels [%]", ylabel="");',
    ),
)
SLIP = "haert"


def write(desk: Desk, number: int, source: str) -> Locator:
    """Type `source` into the cell at `number`, made below the ones that are there."""
    if number > 0:
        desk.select(number - 1)
        desk.page.keyboard.press("b")
    cell = desk.cell(number)
    cell.locator(".cm-content").click()
    desk.page.keyboard.insert_text(source)
    desk.page.keyboard.press("Escape")
    return cell


def mark(desk: Desk, number: int, role: str) -> None:
    desk.select(number).get_by_label("Where the cell runs").select_option(role)
    expect(desk.cell(number)).to_have_attribute("data-pht-role", role)


def test_from_the_idea_to_the_plot(desk: Desk, hub: HubWorld):
    page = desk.page
    with HubSession(hub.url) as session:
        # Whose workspace ran before may have an open key, and would not be asked for it.
        session.logged_in(desk.name, hub.passwords[desk.name]).stopped(desk.name)

    # Log in
    page.goto(hub.url)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    picture(page, "01-login")
    desk.log_in()
    desk.await_lab()
    desk.open()
    panel = desk.show_panel()
    expect(panel.locator(".pht-Stations > li")).to_have_count(5)
    expect(page.locator(".jp-LauncherCard").first).to_be_visible()
    picture(page, "02-lab")

    # Write a notebook, and mark its cells
    desk.new_notebook()
    for number, (role, source) in enumerate(CELLS):
        write(desk, number, source)
        if role != "local":
            mark(desk, number, role)
    desk.save_first("heart.ipynb")
    picture(page, "03-cells")

    # A slip is found while one types
    slip = desk.cell(1)
    finding = slip.get_by_role("list", name="Problems of this cell")
    expect(finding).to_contain_text(f"uses '{SLIP}', which no cell defines")
    expect(slip.locator(".cm-lintRange-error").first).to_contain_text(SLIP)
    expect(panel.locator(".pht-Verdict")).to_have_text("✗ 1 problem")
    picture(page, "04-finding")
    desk.double_click(slip, SLIP)
    page.keyboard.insert_text("heart")
    expect(finding).to_have_count(0)
    expect(panel.locator(".pht-Verdict")).to_have_text("● ok")

    # The parameters are a form
    age = panel.get_by_label("min_age")
    expect(age).to_have_value("40")
    age.fill("17")
    expect(panel).to_contain_text("18 to 100")
    expect(age).to_have_attribute("aria-invalid", "true")
    age.fill("50")
    expect(age).not_to_have_attribute("aria-invalid", "true")
    picture(page, "05-parameters")

    # A dry run on the twin; the passphrase is asked once
    panel.get_by_role("button", name="Dry run", exact=True).click()
    unlock = page.locator(".pht-Unlock-dialog")
    expect(unlock).to_be_visible()
    unlock.get_by_label("Passphrase").fill("not the passphrase")
    page.keyboard.press("Enter")
    expect(unlock).to_contain_text("passphrase", ignore_case=True)
    expect(unlock.locator(".pht-Refused")).to_be_visible()
    picture(page, "06-passphrase")
    desk.unlock()
    journey = desk.first_journey
    expect(journey.locator(".pht-Row")).to_contain_text("dry run")
    desk.await_end(journey)
    expect(journey.locator(".pht-Row")).to_contain_text("dry run, done")
    picture(page, "07-dry-run")

    # What stations would make of it, by the rules that they publish
    journey.get_by_role("button", name="Results").click()
    results = page.locator(".pht-Page:visible")
    foreseen = results.get_by_role("tabpanel").locator(".pht-Forecast")
    expect(foreseen.get_by_role("listitem")).to_contain_text("leaves whole")
    for station in ("cleveland", "hungary", "switzerland", "va-long-beach"):
        expect(foreseen).to_contain_text(station)
    # Of the figure, which draws few people in some decades, the airlocks would keep all.
    results.get_by_role("tab", name="ages").click()
    expect(foreseen).to_contain_text("Foreseen from the made-up rows")
    expect(foreseen).to_contain_text("would not leave (small-count)")
    expect(foreseen).to_contain_text("a count below 10")
    expect(results.get_by_role("note")).not_to_contain_text("Sums over stations")
    foreseen.scroll_into_view_if_needed()
    picture(page, "16-forecast")
    desk.command("application:close")
    expect(results).to_have_count(0)

    # To the hospitals
    panel.get_by_role("button", name="Dispatch…").click()
    dialog = page.locator(".pht-Dispatch-dialog")
    expect(dialog.locator(".pht-Dispatch-summary")).to_contain_text("min_age = 50")
    picture(page, "08-dispatch")
    dialog.get_by_role("button", name="Sign and dispatch").click()
    expect(dialog).to_have_count(0)
    expect(journey.locator(".pht-journey-stop")).to_have_count(4)
    expect(journey.locator(".pht-journey-route")).to_contain_text("running", timeout=JOURNEY)
    picture(page, "09-travelling")
    desk.await_end(journey)
    expect(journey.locator(".pht-Row")).to_contain_text("done")
    expect(journey.locator(".pht-journey-route").get_by_text("departed")).to_have_count(4)

    # What came back
    journey.get_by_role("button", name="Results").click()
    results = page.locator(".pht-Page:visible")
    expect(results).to_contain_text("4 of 4 stop records verified")
    expect(results.get_by_role("table").first).to_be_visible()
    picture(page, "10-results-table")
    results.get_by_role("tab", name="ages").click()
    # Few in Switzerland are that old: its airlock kept the figure.
    expect(results.get_by_text("switzerland").filter(visible=True).first).to_be_visible()
    expect(results.locator("img:visible")).to_have_count(3)
    picture(page, "11-results-figures")

    # The plot: the aggregate cells, on what came back
    results.get_by_role("button", name="Aggregate here").click()
    desk.await_notebook()
    expect(desk.cell(4)).to_contain_text('results("sha256:')
    desk.select(4)
    page.keyboard.press("Control+Enter")
    plot = desk.notebook.locator(".jp-OutputArea-output img").last
    expect(plot).to_be_visible(timeout=60_000)
    plot.scroll_into_view_if_needed()
    picture(page, "12-plot")
    shown = json.dumps(evaluate(page, "() => window.jupyterapp.shell.currentWidget.model.toJSON()"))
    assert hub.passphrase not in shown

    # The same in the dark
    desk.dark()
    picture(page, "dark-1-plot")
    desk.select(1)
    picture(page, "dark-2-cells")
    page.get_by_role("tab", name="Results").click()
    picture(page, "dark-3-results")
    panel.get_by_role("button", name="Dispatch…").click()
    expect(dialog).to_be_visible()
    picture(page, "dark-4-dispatch")
    dialog.get_by_role("button", name="Cancel").click()
    desk.command("phtlab:open-keys")
    expect(page.get_by_role("heading", name="Keys", exact=True)).to_be_visible()
    picture(page, "dark-5-keys")
    desk.light()
    picture(page, "15-keys")


def test_a_journey_is_watched_in_the_notebook(desk: Desk, hub: HubWorld):
    """The widget: a cell sends the notebook's train and shows its journey, live."""
    page = desk.page
    desk.enter()
    desk.new_notebook()
    for number, (role, source) in enumerate(CELLS):
        write(desk, number, source.replace(SLIP, "heart"))
        if role != "local":
            mark(desk, number, role)
    desk.save_first("watched.ipynb")
    panel = desk.show_panel()
    expect(panel.locator(".pht-Verdict")).to_have_text("● ok")
    desk.open_key()
    # The station cells run here too, on the twin
    for number in range(4):
        desk.select(number)
        page.keyboard.press("Control+Enter")
    desk.confirm_sending()
    widget = desk.cell(3).locator(".pht-journey-map")
    expect(widget.get_by_role("listitem").filter(has_text="cleveland")).to_be_visible(
        timeout=60_000
    )
    widget.scroll_into_view_if_needed()
    picture(page, "13-widget")
    # At its end, what a saved notebook keeps takes the place of the map.
    kept = desk.cell(3).locator(".pht-JourneyOutput")
    expect(kept).to_contain_text("all 4 departed", timeout=JOURNEY)
    desk.select(4)
    page.keyboard.press("Control+Enter")
    expect(desk.cell(4).locator(".jp-OutputArea-output img")).to_be_visible(timeout=60_000)
    picture(page, "14-widget-and-plot")
