"""The plugins phtlab:train-panel, phtlab:journeys and phtlab:open-cell: what is told is what is
shown, live, and as text; what ended is announced; what is named is a click away.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.ui.chromium import evaluate
from tests.ui.extension_simulator import Answer, ExtensionSimulator, a_journey, a_status, a_stop
from tests.ui.lab_page import LabPage, write_notebook
from tests.ui.lab_server import LabServer
from tests.ui.told_shapes import a_check, a_consortium, a_data_set, a_finding, a_station
from tests.ui.train_panel import CELLS, NOTEBOOK, ago, open_by_key, opened, row

FAILED = a_stop(
    "hungary",
    1,
    "failed",
    sentence="The notebook stopped with an error.",
    error={"type": "KeyError", "cell": 4, "line": 2, "message": None},
)


@pytest.fixture
def told(lab_page: LabPage, jupyter: LabServer) -> ExtensionSimulator:
    """What the panel hears; nothing is open yet."""
    write_notebook(jupyter.root / NOTEBOOK, CELLS)
    simulator = ExtensionSimulator(lab_page.page)
    simulator.stations = a_consortium()
    simulator.answers["POST check"] = Answer(a_check())
    simulator.answers["GET kernels"] = Answer(
        [{"name": "python", "language": "python", "digest": "sha256:" + "ab" * 32}]
    )
    return simulator


def test_current_notebook_is_shown_with_what_it_declares(lab_page, told):
    head = opened(lab_page, told).locator(".pht-Head")
    expect(head.get_by_role("heading")).to_have_text(NOTEBOOK)
    expect(head.locator(".pht-Verdict")).to_have_text("● ok")
    expect(head).to_contain_text("2 parameters")
    expect(head).to_contain_text("1 output")
    assert told.bodies("POST check")[0]["name"] == NOTEBOOK


def test_problems_of_the_notebook_lead_to_their_cells(lab_page, told):
    message = "cell 4 uses 'cohort2', which only the local cell 5 defines."
    found = [a_finding(3, message, line=2), a_finding(None, "It has no title.", severity="warning")]
    told.answers["POST check"] = Answer(a_check(ok=False, findings=found))
    panel = opened(lab_page, told)
    expect(panel.locator(".pht-Verdict")).to_have_text("✗ 1 problem")
    problems = panel.get_by_role("list", name="Problems").get_by_role("listitem")
    expect(problems).to_have_count(2)
    problems.first.get_by_role("button", name="Go to cell 4, line 2").click()
    expect(lab_page.cell(3)).to_contain_class("jp-mod-active")
    lab_page.page.keyboard.type("x = 1 ")
    expect(lab_page.cell(3)).to_contain_text("x = 1 phtlab.publish")


def test_stations_say_whether_they_are_there_and_what_they_have(lab_page, told):
    panel = opened(lab_page, told)
    names = panel.locator(".pht-Stations .pht-Row-name")
    expect(names).to_have_text(["cleveland", "hungary", "switzerland", "va-long-beach", "twin"])
    expect(row(panel, "cleveland")).to_contain_text("online · 1 running, 2 waiting")
    expect(row(panel, "cleveland")).to_contain_text("about 300 rows")
    expect(row(panel, "hungary")).to_contain_text("○")
    expect(row(panel, "hungary")).to_contain_text("offline, seen")
    expect(row(panel, "switzerland")).not_to_contain_text("rows")
    told.tell("stations", [a_station("hungary"), *told.stations[2:]])
    expect(row(panel, "hungary")).to_contain_text("●")
    expect(row(panel, "cleveland")).to_have_count(0)


def test_schema_opens_by_keyboard_and_gives_the_line_that_reads_it(lab_page, told):
    panel = opened(lab_page, told)
    station = row(panel, "cleveland")
    open_by_key(station)
    columns = panel.get_by_role("list", name="Columns of heart").get_by_role("listitem")
    expect(columns.nth(0)).to_contain_text("18 to 100 years")
    expect(columns.nth(1)).to_contain_text("Female, Male")
    expect(columns.nth(2)).to_have_attribute("title", "0: not measured")
    lab_page.select(4)
    panel.get_by_role("button", name='Insert heart = phtlab.dataset("heart")').click()
    source, tags = evaluate(
        lab_page.page,
        """() => {
            const cell = window.jupyterapp.shell.currentWidget.content.activeCell.model;
            return [cell.sharedModel.getSource(), cell.getMetadata('tags')];
        }""",
    )
    assert source == 'heart = phtlab.dataset("heart")'
    assert tags == ["station"]


def test_journey_is_followed_without_asking_for_it(lab_page, told):
    going = a_journey(
        a_stop("cleveland", 0),
        a_stop("hungary", 1, "running", cell=3, cells=5, seconds=None, updated=ago(2)),
        submitted=ago(5),
    )
    told.journeys = [going]
    panel = opened(lab_page, told)
    journey = panel.locator(".pht-Journeys > li")
    expect(journey).to_contain_text("1/2")
    bar = journey.get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuetext", "1 of 2 stops have ended")
    journey.locator(".pht-Row").click()
    stops = journey.locator(".pht-journey-stop")
    expect(stops.nth(0)).to_contain_text("departed")
    expect(stops.nth(1)).to_contain_text("running, cell 3 of 5")
    expect(lab_page.page.get_by_role("button", name="▸ 1 travelling")).to_be_visible()

    # Seconds go by while it travels.
    before = journey.locator(".pht-Row").inner_text()
    expect(journey.locator(".pht-Row")).not_to_have_text(before)

    asked = requests_but_checks(told)
    told.tell("journey", {**going, "done": True, "stops": [going["stops"][0], FAILED]})
    expect(journey.locator(".pht-Row")).to_contain_text("1 of 2 departed")
    expect(journey.get_by_role("progressbar")).to_have_count(0)
    expect(stops.nth(1)).to_contain_text("KeyError in cell 4, line 2")
    expect(lab_page.page.get_by_text("travelling")).to_be_hidden()
    assert requests_but_checks(told) == asked
    notice = lab_page.page.locator(".Toastify__toast")
    expect(notice).to_contain_text("1 of 2 departed")
    expect(notice.get_by_role("button", name="Open results")).to_be_visible()


def requests_but_checks(told: ExtensionSimulator) -> list[str]:
    """Without checks: Lab changes a notebook's metadata when its kernel is there."""
    return [name for name, _ in told.asked if name != "POST check"]


def test_clock_runs_only_while_something_travels_and_somebody_looks(lab_page, told):
    lab_page.page.add_init_script(
        """
        window.seconds = new Set();
        const [set, clear] = [window.setInterval, window.clearInterval];
        window.setInterval = (task, delay, ...rest) => {
            const id = set(task, delay, ...rest);
            if (delay === 1000) { window.seconds.add(id); }
            return id;
        };
        window.clearInterval = id => { window.seconds.delete(id); clear(id); };
        """
    )
    going = a_journey(a_stop("cleveland", 0, "running", seconds=None), submitted=ago(5))
    told.journeys = [going]
    panel = opened(lab_page, told)
    expect(panel.locator(".pht-Journeys > li")).to_be_visible()

    def clocks(count: int) -> None:
        lab_page.page.wait_for_function("count => window.seconds.size === count", arg=count)

    clocks(1)
    lab_page.command("filebrowser:activate")
    clocks(0)
    lab_page.command("phtlab:open-train")
    clocks(1)
    told.tell("journey", {**going, "done": True, "stops": [FAILED]})
    clocks(0)


def test_error_of_a_stop_leads_to_its_cell(lab_page, told, jupyter):
    write_notebook(jupyter.root / "elsewhere" / "other.ipynb", CELLS)
    told.journeys = [a_journey(FAILED, notebook="elsewhere/other.ipynb")]
    panel = opened(lab_page, told)
    panel.locator(".pht-Journeys .pht-Row").click()
    panel.get_by_role("button", name="Go to cell 4").click()
    lab_page.ready("elsewhere/other.ipynb")
    expect(lab_page.cell(3)).to_contain_class("jp-mod-active")


def test_cell_that_is_no_longer_there_is_said_to_be_gone(lab_page, told):
    opened(lab_page, told)
    evaluate(
        lab_page.page,
        "window.dispatchEvent(new CustomEvent('phtlab:open-cell', { detail: { cell: 3 } }))",
    )
    expect(lab_page.cell(2)).to_contain_class("jp-mod-active")
    evaluate(
        lab_page.page,
        "window.dispatchEvent(new CustomEvent('phtlab:open-cell', { detail: { cell: 99 } }))",
    )
    expect(lab_page.page.locator(".Toastify__toast")).to_contain_text("no cell 99 any more")
    expect(lab_page.cell(2)).to_contain_class("jp-mod-active")


def test_cancelling_is_asked_once_more(lab_page, told):
    going = a_journey(a_stop("cleveland", 0, "running", seconds=None), submitted=ago(5))
    told.journeys = [going]
    told.answers[f"POST journeys/{going['id']}/cancel"] = Answer({**going, "cancelled": True})
    panel = opened(lab_page, told)
    panel.locator(".pht-Journeys .pht-Row").click()
    cancel = panel.get_by_role("button", name="Cancel", exact=True)
    dialog = lab_page.page.locator(".jp-Dialog")
    cancel.click()
    dialog.get_by_role("button", name="Let it travel").click()
    assert not told.bodies(f"POST journeys/{going['id']}/cancel")
    cancel.click()
    dialog.get_by_role("button", name="Cancel the journey").click()
    expect(panel.locator(".pht-Journeys .pht-Row")).to_contain_text("being cancelled")
    expect(cancel).to_have_count(0)


def test_lost_connection_is_said_and_the_truth_is_back_with_it(lab_page, told):
    panel = opened(lab_page, told)
    expect(row(panel, "hungary")).to_contain_text("offline")
    told.lose()
    banner = panel.locator(".pht-Banner")
    expect(banner).to_contain_text("Connection lost: what is shown may be old")
    told.stations = [a_station("hungary")]
    told.come_back()
    expect(banner).to_have_count(0)
    expect(row(panel, "hungary")).to_contain_text("online")


def test_a_server_that_starts_is_said_to_be_away(lab_page, told):
    """A hub has a page for it, which it does not send to whoever wants JSON."""
    banner = opened(lab_page, told).locator(".pht-Banner")
    expect(banner).to_have_count(0)
    told.instead = Answer({"message": "JupyterHub server no longer running"}, 424)
    with lab_page.page.expect_request(re.compile("/phtlab/events")) as asked:
        told.refuse()
    assert asked.value.headers["accept"].startswith("application/json")
    expect(banner).to_contain_text("Your Jupyter server is not running")


def test_what_is_in_the_way_is_said(lab_page, told):
    banner = opened(lab_page, told).locator(".pht-Banner")
    expect(banner).to_have_count(0)
    for status, words in [
        (
            a_status(central={"url": "", "state": "unknown", "consortium": None, "sentence": ""}),
            "No central is set",
        ),
        (
            a_status(
                central={
                    "url": "x",
                    "state": "unreachable",
                    "consortium": None,
                    "sentence": "Central is away.",
                }
            ),
            "Central is away.",
        ),
        (a_status("none"), "There is no key here yet"),
        (a_status(key_member=False), "not on the roster yet"),
        (a_status(problem={"code": "token-expired", "message": "Log in again."}), "Log in again."),
    ]:
        told.tell("status", status)
        expect(banner).to_contain_text(words)
    told.tell("status", a_status())
    expect(banner).to_have_count(0)


def test_locked_key_is_unlocked_from_the_panel(lab_page, told):
    told.status = a_status("locked")
    told.answers["POST keys/unlock"] = Answer(a_status())
    panel = opened(lab_page, told)
    panel.get_by_role("button", name="Unlock…").click()
    lab_page.page.get_by_label("Passphrase").fill("correct horse")
    lab_page.page.locator(".jp-Dialog").get_by_role("button", name="Unlock").click()
    expect(panel.locator(".pht-Banner")).to_have_count(0)
    assert told.bodies("POST keys/unlock") == [{"passphrase": "correct horse"}]


def test_first_visit_explains_itself_and_opens_the_tutorial(lab_page, told, jupyter):
    write_notebook(jupyter.root / "tutorial.ipynb", CELLS)
    told.answers["POST tutorial"] = Answer({"path": "tutorial.ipynb"}, 201)
    panel = opened(lab_page, told, "")
    welcome = panel.locator(".pht-Welcome")
    expect(welcome.get_by_role("listitem")).to_have_count(3)
    welcome.get_by_role("button", name="Open the tutorial").click()
    lab_page.ready("tutorial.ipynb")
    expect(welcome).to_have_count(0)
    expect(panel.locator(".pht-Head-name")).to_have_text("tutorial.ipynb")


def test_sections_stay_as_they_were_left(lab_page, told):
    panel = opened(lab_page, told)
    stations = panel.get_by_role("button", name="Stations")
    kernels = panel.get_by_role("button", name="Kernel images")
    expect(stations).to_have_attribute("aria-expanded", "true")
    expect(kernels).to_have_attribute("aria-expanded", "false")
    with lab_page.page.expect_response(
        lambda response: (
            response.request.method == "PUT"
            and "api/workspaces" in response.url
            and '"kernels":true' in (response.request.post_data or "").replace("\\", "")
        )
    ):
        stations.click()
        kernels.click()
    expect(panel.locator(".pht-Kernels")).to_contain_text("python")
    lab_page.open(reset=False)
    lab_page.command("phtlab:open-train")
    expect(stations).to_have_attribute("aria-expanded", "false")
    expect(kernels).to_have_attribute("aria-expanded", "true")


HOSTILE = [
    "<img src=x onerror=window.pwned=1><script>window.pwned=1</script>",
    "\u202eevil\u2066\u200f",
    "x" * 10_000,
    "%1 %2 ${1} {{1}}",
]


def test_hostile_names_are_text(lab_page: LabPage, told: ExtensionSimulator):
    told.stations, told.journeys = [], []
    for number, name in enumerate(HOSTILE):
        error = {"type": name, "cell": 1, "line": 1, "message": name}
        said: dict[str, Any] = {"sentence": name, "words": name, "code": name, "error": error}
        data_set = a_data_set(name, title=name, description=name)
        told.stations.append(a_station(name, organisation=name, datasets=[data_set]))
        told.journeys.append(
            a_journey(
                a_stop(name, 0, "failed", **said),
                id=f"sha256:{number}",
                short=str(number),
                train_name=name,
                researcher=name,
                parameters={name: name},
            )
        )
    found = [a_finding(0, name) for name in HOSTILE]
    told.answers["POST check"] = Answer(
        a_check(ok=False, name=HOSTILE[0], kernel=HOSTILE[1], findings=found)
    )
    told.answers["GET kernels"] = Answer(
        [{"name": name, "language": name, "digest": name} for name in HOSTILE]
    )
    panel = opened(lab_page, told)
    panel.get_by_role("button", name="Kernel images").click()
    for each in panel.locator(".pht-Row").all():
        each.click()

    for rows in (".pht-Stations .pht-Row-name", ".pht-Journeys .pht-Row .pht-Row-name"):
        names = panel.locator(rows).all_inner_texts()
        assert len(names) == len(HOSTILE)
        assert max(map(len, names)) <= 32
        assert sum("…" in name for name in names) == 2  # the script and the 10,000 characters
    whole = panel.locator(".pht-Stations .pht-Row-name bdi[title]")
    titles = whole.evaluate_all("all => all.map(one => one.title)")
    assert {title[:3] for title in titles} == {"<im", "\\u2", "xxx"}
    expect(panel.locator(".pht-journey-route")).to_have_count(len(HOSTILE))
    expect(panel.locator(".pht-Insert")).to_have_count(0)  # no such name becomes code
    scroll = panel.locator(".pht-TrainPanel-scroll")
    assert scroll.evaluate("node => node.scrollWidth - node.clientWidth") <= 0

    told.tell("journeys", [{**journey, "done": False} for journey in told.journeys])
    told.tell("journeys", told.journeys)
    expect(lab_page.page.locator(".Toastify__toast").first).to_be_visible()
    expect(lab_page.page.locator("img[src=x]")).to_have_count(0)
    assert evaluate(lab_page.page, "window.pwned") is None


def test_two_records_of_a_stop_are_an_alarm_wherever_the_journey_is(lab_page, told):
    sent = a_journey(a_stop("cleveland", 0), a_stop("hungary", 1), done=True)
    told.journeys = [sent]
    panel = opened(lab_page, told)
    journey = panel.locator(".pht-Journeys > li")
    expect(journey).to_contain_text("done")
    doubted = {**sent["stops"][0], "contradicted": True}
    told.tell("journey", {**sent, "stops": [doubted, sent["stops"][1]]})
    expect(journey.locator(".pht-Row")).to_contain_text("two records: do not rely on it")
    notice = lab_page.page.locator(".Toastify__toast")
    expect(notice).to_contain_text("cleveland signed two different records of this journey")
    journey.locator(".pht-Row").click()
    expect(journey.get_by_role("alert")).to_contain_text("Do not rely on either")
    stops = journey.locator(".pht-journey-stop")
    expect(stops.nth(0)).to_contain_text("two records")
    expect(stops.nth(1)).not_to_contain_text("two records")
    expect(stops.nth(0).locator(".pht-journey-mark")).to_have_text("!")
