"""The plugin phtlab:results: what each station let out, what stayed there, why some is unseen."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.story.pictures import picture
from tests.ui.chromium import evaluate, wait_until
from tests.ui.extension_simulator import (
    Answer,
    ExtensionSimulator,
    a_journey,
    a_status,
    a_stop,
    refusal,
)
from tests.ui.lab_page import LabPage, write_notebook
from tests.ui.lab_server import LabServer
from tests.ui.told_results import (
    SMALL,
    a_table,
    a_verdict,
    an_output,
    counts,
    histogram,
    mean,
    results_of,
    some_results,
)
from tests.ui.train_panel import CELLS, NOTEBOOK

ROOT = Path(__file__).parents[2]
JOURNEY = a_journey()["id"]
FETCH = f"GET journeys/{JOURNEY}/results"


@pytest.fixture
def told(lab_page: LabPage, jupyter: LabServer) -> ExtensionSimulator:
    write_notebook(jupyter.root / NOTEBOOK, CELLS)
    simulator = ExtensionSimulator(lab_page.page)
    results = some_results()
    simulator.journeys = [results["journey"]]
    simulator.answers[FETCH] = Answer(results)
    return simulator


def opened(lab_page: LabPage, told: ExtensionSimulator, **args: Any) -> Locator:
    told.begin()
    lab_page.open()
    lab_page.command("phtlab:open-results", {"journey": JOURNEY, **args})
    page = lab_page.page.locator(".pht-Results")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    return page


def tab(page: Locator, name: str) -> Locator:
    page.get_by_role("tab", name=name).click()
    return page.get_by_role("tabpanel")


def column(panel: Locator, number: int) -> list[str]:
    return panel.locator(f"tbody tr > :nth-child({number})").all_inner_texts()


def test_one_table_of_all_stations_the_station_first(lab_page, told):
    page = opened(lab_page, told)
    panel = tab(page, "counts")
    headings = panel.get_by_role("columnheader").all_inner_texts()
    assert [heading.split("\n")[0] for heading in headings] == ["station", "sex", "disease", "n"]
    assert column(panel, 1) == ["cleveland"] * 4 + ["hungary"] * 4 + ["switzerland"] * 4
    expect(panel).to_contain_text("table from 3 of 3 stations")
    expect(panel).to_contain_text("12 rows")


def test_a_heading_sorts_and_says_so(lab_page, told):
    panel = tab(opened(lab_page, told), "counts")
    heading = panel.get_by_role("columnheader", name="n", exact=False).last
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "ascending")
    ascending = [int(text) for text in column(panel, 4)]
    assert ascending == sorted(ascending)
    heading.get_by_role("button").press("Enter")
    expect(heading).to_have_attribute("aria-sort", "descending")
    assert [int(text) for text in column(panel, 4)] == ascending[::-1]
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "none")
    assert column(panel, 1)[0] == "cleveland"


def test_a_long_table_is_drawn_in_parts_and_says_what_is_cut(lab_page, told):
    long = an_output("long", table=a_table(("x",), [(n,) for n in range(500)], total=90_000))
    told.answers[FETCH] = Answer(some_results(stations=[results_of("cleveland", long)]))
    panel = opened(lab_page, told).get_by_role("tabpanel")
    expect(panel.locator("tbody tr")).to_have_count(200)
    expect(panel).to_contain_text("200 of 500 rows are drawn")
    expect(panel).to_contain_text("the first 500 of 90,000 rows. An export, or a notebook, has")
    panel.get_by_role("button", name="Draw 200 more").click()
    panel.get_by_role("button", name="Draw 100 more").click()
    expect(panel.locator("tbody tr")).to_have_count(500)


def test_a_table_is_copied_as_csv_as_it_is_sorted(lab_page, told):
    lab_page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    formula = an_output("odd", table=a_table(("x", "y"), [("=1+1", 2), ('a,"b"', -1)]))
    told.answers[FETCH] = Answer(some_results(stations=[results_of("cleveland", formula)]))
    panel = opened(lab_page, told).get_by_role("tabpanel")
    panel.get_by_role("button", name="y", exact=True).click()
    panel.get_by_role("button", name="Copy as CSV").click()
    expect(panel.get_by_text("✓ copied")).to_be_visible()
    copied = evaluate(lab_page.page, "navigator.clipboard.readText()")
    assert copied.splitlines() == ["station,x,y", 'cleveland,"a,""b""",-1', "cleveland,'=1+1,2"]


def test_figures_are_small_multiples_of_one_size_and_bring_their_numbers(lab_page, told):
    panel = tab(opened(lab_page, told), "age_hist")
    pictures = panel.get_by_role("img")
    expect(pictures).to_have_count(3)
    expect(pictures.first).to_have_attribute("alt", "age_hist of cleveland")
    sizes = {
        (round(box["width"]), round(box["height"]))
        for picture in pictures.all()
        if (box := picture.bounding_box())
    }
    assert len(sizes) == 1
    assert all(
        picture.evaluate("image => image.complete && image.naturalWidth > 0")
        for picture in pictures.all()
    )
    panel.get_by_role("button", name="Show the numbers").click()
    assert column(panel, 1) == ["cleveland"] * 6 + ["hungary"] * 6 + ["switzerland"] * 6
    panel.get_by_role("button", name="age_hist of hungary").click()
    large = lab_page.page.locator(".jp-Dialog")
    expect(large.get_by_role("button")).to_be_focused()
    box = large.get_by_role("img").bounding_box()
    assert box is not None
    assert box["width"] > 2 * max(width for width, _ in sizes)
    lab_page.page.keyboard.press("Escape")
    expect(large).to_have_count(0)


def test_figures_are_drawn_anew_on_one_scale(lab_page, told):
    panel = tab(opened(lab_page, told), "age_hist")
    panel.get_by_role("checkbox", name="on one scale").check()
    drawn = panel.get_by_role("img", name="drawn anew")
    expect(drawn).to_have_count(3)
    labels = [one.locator("text").all_inner_texts() for one in drawn.all()]
    assert labels[0] == labels[1] == labels[2]
    tallest = [
        max(float(bar.get_attribute("height") or 0) for bar in one.locator("rect").all())
        for one in drawn.all()
    ]
    values = [max(row[4] for row in histogram(seed)["table"]["rows"]) for seed in (1, 2, 3)]
    assert [round(height / tallest[2], 2) for height in tallest] == [
        round(value / values[2], 2) for value in values
    ]
    expect(drawn.first.get_by_text("0: 17")).to_be_attached()
    panel.get_by_role("checkbox", name="on one scale").uncheck()
    expect(panel.get_by_role("button", name="age_hist of hungary")).to_be_visible()


def test_what_is_no_picture_is_not_shown_as_one(lab_page, told):
    svg = {**histogram(1), "png": "PHN2ZyBvbmxvYWQ9IndpbmRvdy5wd25lZD0xIi8+"}
    told.answers[FETCH] = Answer(
        some_results(stations=[results_of("cleveland", svg), results_of("hungary", histogram(2))])
    )
    panel = opened(lab_page, told).get_by_role("tabpanel")
    expect(panel).to_contain_text("What this station sent is not a picture, so it is not shown.")
    expect(panel.get_by_role("img")).to_have_count(1)
    assert evaluate(lab_page.page, "window.pwned") is None


def test_values_models_and_files(lab_page, told):
    page = opened(lab_page, told)
    values = tab(page, "mean_age")
    assert column(values, 1) == ["cleveland", "hungary", "switzerland"]
    assert column(values, 2) == ["54.4389", "47.8333", "55"]
    expect(values.get_by_title("54.43894389")).to_be_visible()
    model = tab(page, "weights")
    expect(model.get_by_role("row", name="coefficients")).to_contain_text("12 × 3")
    expect(model.get_by_role("row", name="intercept")).to_contain_text("a number")
    expect(model).to_contain_text('phtlab.results().models("weights")')
    files = tab(page, "report")
    assert column(files, 2) == ["15.3 kB", "15.3 kB"]


def test_what_stayed_at_a_station_is_said_with_the_rule(lab_page, told):
    page = opened(lab_page, told)
    counted = tab(page, "counts").get_by_role("list", name="What did not leave")
    expect(counted).to_contain_text(f"switzerland released in part: {SMALL}")
    expect(page.get_by_role("tab", name="counts")).to_contain_text("▲")
    refused = tab(page, "weights")
    expect(refused).to_contain_text("model from 2 of 3 stations")
    expect(refused.get_by_role("list", name="What did not leave")).to_contain_text(
        "switzerland withheld: This station releases no output of kind 'model'."
    )
    expect(page.get_by_role("tab", name="mean_age")).not_to_contain_text("▲")
    stops = page.get_by_role("list", name="Stops")
    expect(stops.get_by_role("listitem").filter(has_text="switzerland")).to_contain_text(
        "3 outputs"
    )
    expect(stops).to_contain_text("1 in part, 1 withheld")


def test_an_output_that_no_station_let_out_still_has_its_place(lab_page, told):
    held = {"verdict": "held", "sentence": "A person there looks at it.", "name": "counts"}
    verdict = {"kind": "table", "rule": "hold", "suppressed_rows": 0, **held}
    told.answers[FETCH] = Answer(some_results(stations=[results_of("cleveland", counts=verdict)]))
    panel = opened(lab_page, told).get_by_role("tabpanel")
    expect(panel).to_contain_text("No station let this out.")
    expect(panel).to_contain_text("held for a person to look at: A person there looks at it.")
    expect(panel.get_by_role("table")).to_have_count(0)


def test_a_failure_leads_to_its_cell(lab_page, told):
    page = opened(lab_page, told)
    failed = page.get_by_role("list", name="Stops").get_by_role("listitem").nth(3)
    expect(failed).to_contain_text("va-long-beach")
    expect(failed).to_contain_text("Cell 4 failed. What it printed stayed at the station.")
    expect(failed).to_contain_text("KeyError")
    failed.get_by_role("button", name="cell 4, line 2").click()
    lab_page.ready(NOTEBOOK)
    expect(lab_page.cell(3)).to_have_class(re.compile("jp-mod-active"))
    assert (
        evaluate(
            lab_page.page,
            "jupyterapp.shell.currentWidget.content.activeCell.editor.getCursorPosition().line",
        )
        == 1
    )


def test_a_stop_that_nobody_signed_is_only_centrals_word(lab_page, told):
    page = opened(lab_page, told)
    expect(page.get_by_role("list", name="About this journey")).to_contain_text(
        "4 of 5 stop records verified"
    )
    last = page.get_by_role("list", name="Stops").get_by_role("listitem").last
    expect(last).to_contain_text("late")
    expect(last).to_contain_text("cancelled before its turn")
    expect(last).to_contain_text("Central's word only: the station signed nothing.")


def test_a_dry_run_says_that_its_data_are_nobodys(lab_page, told):
    results = some_results(failures=[], unsigned=[])
    results["journey"] = {**results["journey"], "twin": True}
    told.answers[FETCH] = Answer(results)
    facts = opened(lab_page, told).get_by_role("list", name="About this journey")
    expect(facts).to_contain_text("dry run: synthetic data, not real patients")
    expect(facts).to_contain_text("min_age = 50")
    expect(facts).to_contain_text("3 of 3 stop records verified")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("signature", "The record of hungary is not signed by hungary."),
        ("seal-changed", "The cargo of hungary was changed after it was sealed."),
        ("record-order", "A record is missing in the chain."),
        ("output-form", "'counts' of hungary is not a table."),
    ],
)
def test_what_does_not_verify_is_not_shown_and_says_why(lab_page, told, code, message):
    told.answers[FETCH] = refusal(code, message)
    page = opened(lab_page, told)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Not shown, because it does not verify")
    expect(alert).to_contain_text(message)
    expect(alert).to_contain_text("None of it is shown or kept")
    expect(alert).to_contain_text(code)
    expect(page.get_by_role("tab")).to_have_count(0)
    expect(page.get_by_role("button", name="Aggregate here")).to_have_count(0)
    expect(page.get_by_role("button", name="Export…")).to_have_count(0)
    told.answers[FETCH] = Answer(some_results())
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("tab")).to_have_count(5)


def test_a_locked_key_is_asked_for_once_and_then_the_results_are_there(lab_page, told):
    told.status = a_status("locked")
    told.answers[FETCH] = refusal("key-locked", "Your key is locked.", status=423)
    page = opened(lab_page, told)
    dialog = lab_page.page.locator(".jp-Dialog")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    expect(page).to_contain_text("Your key is locked")
    page.get_by_role("button", name="Unlock…").click()

    def unlock(_: Any) -> Answer:
        told.answers[FETCH] = Answer(some_results())
        return Answer(a_status())

    told.answers["POST keys/unlock"] = unlock
    dialog.get_by_label("Passphrase").fill("correct horse")
    lab_page.page.keyboard.press("Enter")
    expect(page.get_by_role("tab")).to_have_count(5)


def test_unlocking_elsewhere_shows_them_too(lab_page, told):
    told.status = a_status("locked")
    told.answers[FETCH] = refusal("key-locked", "Your key is locked.", status=423)
    page = opened(lab_page, told, restored=True)
    expect(page).to_contain_text("Your key is locked")
    expect(lab_page.page.locator(".jp-Dialog")).to_have_count(0)  # nobody asked for anything
    told.answers[FETCH] = Answer(some_results())
    told.tell("status", a_status())
    expect(page.get_by_role("tab")).to_have_count(5)


def test_without_a_key_the_way_leads_to_the_keys(lab_page, told):
    told.status = a_status("none")
    told.answers[FETCH] = refusal("key-missing", "There is no key here.")
    page = opened(lab_page, told)
    page.get_by_role("button", name="Open the Keys panel").click()
    expect(lab_page.page.locator(".pht-Keys")).to_be_visible()


def test_sealed_to_another_key_says_so(lab_page, told):
    told.answers[FETCH] = refusal("seal-key", "No key here opens this cargo.")
    page = opened(lab_page, told)
    expect(page).to_contain_text("Sealed to another key")
    expect(page).to_contain_text("No key here opens this cargo.")
    expect(page.get_by_role("button", name="Open the Keys panel")).to_be_visible()


def test_what_is_under_way_comes_by_itself(lab_page, told):
    going = a_journey(
        a_stop("cleveland", 0), a_stop("hungary", 1, "running", cell=3, cells=5, seconds=None)
    )
    told.journeys = [going]
    told.answers[FETCH] = refusal("journey-unfinished", "It is still at hungary.")
    page = opened(lab_page, told)
    expect(page).to_contain_text("Still under way")
    expect(page.get_by_text("hungary")).to_be_visible()
    expect(page.get_by_text("running, cell 3 of 5")).to_be_visible()
    told.answers[FETCH] = Answer(some_results())
    told.tell("journey", a_journey(a_stop("cleveland", 0), a_stop("hungary", 1)))
    expect(page.get_by_role("tab")).to_have_count(5)


def test_results_so_far_say_which_stations_are_missing_and_why(lab_page, told):
    whole = some_results()
    look = "A person at hungary will look at the output counts."
    stops = [
        a_stop("cleveland", 0),
        a_stop("hungary", 1, "held", sentence=look),
        a_stop("switzerland", 2, "running", cell=3, cells=5, seconds=None),
        a_stop("va-long-beach", 3, "failed"),
        a_stop("ulm", 4, "refused"),
    ]
    refused = {
        "station": "ulm",
        "outcome": "refused",
        "code": "not-approved",
        "sentence": "Nobody at ulm approved it.",
        "error": None,
        "forecasts": [],
    }
    so_far = {
        **whole,
        "journey": a_journey(*stops),
        "stations": whole["stations"][:1],
        "failures": [*whole["failures"], refused],
        "unsigned": [],
        "waiting": [
            {"station": "hungary", "words": "held"},
            {"station": "switzerland", "words": "running"},
        ],
        "missing": [
            {"output": "counts", "station": "hungary", "words": "is not in it yet (held)"},
            {"output": "counts", "station": "ulm", "words": "sent nothing (refused: Nobody)"},
        ],
    }
    told.journeys = [so_far["journey"]]
    told.answers[FETCH] = Answer(so_far)
    page = opened(lab_page, told)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Results so far")
    expect(page).to_contain_text("3 of 5 stops have ended")
    for station, words in {
        "hungary": ("not in it yet", "held: a person there decides", look),
        "switzerland": ("not in it yet", "running, cell 3 of 5"),
        "va-long-beach": ("failed", "Cell 4 failed."),
        "ulm": ("refused", "Nobody at ulm approved it."),
    }.items():
        stop = page.get_by_role("list", name="Stops").locator("> li").filter(has_text=station)
        for said in words:
            expect(stop.first).to_contain_text(said)
    note = page.get_by_role("note")
    expect(note).to_contain_text("hungary is not in it yet (held); ulm sent nothing (refused")
    expect(note).to_contain_text("Sums over stations are too low by what is missing.")

    # Another one departs: the page has it without a click.
    stops[1] = a_stop("hungary", 1)
    more = {
        **so_far,
        "journey": a_journey(*stops),
        "stations": whole["stations"][:2],
        "waiting": so_far["waiting"][1:],
        "missing": so_far["missing"][1:],
    }
    told.answers[FETCH] = Answer(more)
    told.tell("journey", more["journey"])
    expect(page).to_contain_text("4 of 5 stops have ended")
    expect(note).not_to_contain_text("hungary")


def test_a_number_over_stations_says_what_it_lacks(lab_page, told):
    page = opened(lab_page, told)
    expect(page.get_by_role("note")).to_contain_text("switzerland withheld 2 rows below 10")
    page.get_by_role("tab", name="mean_age").click()
    expect(page.get_by_role("note")).to_have_count(0)
    page.get_by_role("tab", name="weights").click()
    expect(page.get_by_role("note")).to_contain_text("switzerland let nothing of it leave")


def test_central_away_is_said_and_tried_again(lab_page, told):
    told.answers[FETCH] = refusal("central-unreachable", "Central does not answer.", status=502)
    page = opened(lab_page, told)
    expect(page).to_contain_text("Not within reach now")
    expect(page).to_contain_text("Central does not answer.")
    told.answers[FETCH] = Answer(some_results())
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("tab")).to_have_count(5)


def test_nothing_sent_is_no_empty_page(lab_page, told):
    told.answers[FETCH] = Answer(some_results(stations=[]))
    page = opened(lab_page, told)
    expect(page).to_contain_text("No station sent anything: see above why.")
    expect(page.get_by_role("tab")).to_have_count(0)


def test_aggregate_here_and_a_notebook_of_its_own(lab_page, told, jupyter):
    for name in ("aggregated.ipynb", "explored.ipynb"):
        write_notebook(jupyter.root / name, [("aggregate", "1 + 1")])
    page = opened(lab_page, told)
    asked = f"POST journeys/{JOURNEY}/aggregate"
    told.answers[asked] = Answer({"path": "aggregated.ipynb"}, 201)
    page.get_by_role("button", name="Aggregate here").click()
    lab_page.ready("aggregated.ipynb")
    lab_page.command("phtlab:open-results", {"journey": JOURNEY})
    told.answers[asked] = Answer({"path": "explored.ipynb"}, 201)
    page.get_by_role("button", name="Open in a notebook").click()
    lab_page.ready("explored.ipynb")
    assert told.bodies(asked) == [{"path": NOTEBOOK}, {"path": None}]
    expect(lab_page.page.locator(".pht-Results")).to_have_count(1)


def test_an_open_notebook_is_saved_first_and_shows_what_was_filled(lab_page, told, jupyter):
    file = jupyter.root / NOTEBOOK
    saved: list[str] = []

    def fill(_: Any) -> Answer:
        saved.append(file.read_text())
        write_notebook(file, [*CELLS, ("aggregate", "phtlab.results('filled')")])
        return Answer({"path": NOTEBOOK})

    told.answers[f"POST journeys/{JOURNEY}/aggregate"] = fill
    told.begin()
    lab_page.open(NOTEBOOK)
    lab_page.cell(4).locator(".cm-content").fill("changed = 1")
    lab_page.command("phtlab:open-results", {"journey": JOURNEY})
    lab_page.page.get_by_role("button", name="Aggregate here").click()
    lab_page.ready(NOTEBOOK)
    expect(lab_page.cell(5)).to_contain_text("phtlab.results('filled')")
    assert "changed = 1" in saved[0]
    expect(lab_page.page.locator(".jp-Dialog")).to_have_count(0)


def test_a_refused_notebook_is_said_and_the_page_stays(lab_page, told):
    told.answers[f"POST journeys/{JOURNEY}/aggregate"] = refusal(
        "notebook", "heart_disease.ipynb has no aggregate cell. Mark one, or open a new notebook."
    )
    page = opened(lab_page, told)
    page.get_by_role("button", name="Aggregate here").click()
    dialog = lab_page.page.locator(".jp-Dialog")
    expect(dialog).to_contain_text("has no aggregate cell")
    lab_page.page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Aggregate here")).to_be_enabled()


def test_export_asks_where_to_and_shows_the_folder(lab_page, told, jupyter):
    (jupyter.root / "taken-away").mkdir(exist_ok=True)
    told.answers[f"POST journeys/{JOURNEY}/export"] = Answer({"path": "taken-away"}, 201)
    page = opened(lab_page, told)
    page.get_by_role("button", name="Export…").click()
    dialog = lab_page.page.locator(".jp-Dialog")
    field = dialog.get_by_role("textbox")
    expect(field).to_have_value("results-heart_disease-2026-03-02-75588b")
    field.fill("taken-away")
    dialog.get_by_role("button", name="Export").click()
    toast = lab_page.page.locator(".Toastify__toast")
    expect(toast).to_contain_text("Exported to taken-away")
    toast.get_by_role("button", name="Show the folder").click()
    expect(lab_page.page.locator(".jp-BreadCrumbs")).to_contain_text("taken-away")
    assert told.bodies(f"POST journeys/{JOURNEY}/export") == [{"directory": "taken-away"}]


def test_one_page_a_journey_that_a_reload_brings_back(lab_page, told):
    told.status = a_status("locked")
    told.answers[FETCH] = refusal("key-locked", "Your key is locked.", status=423)
    page = opened(lab_page, told, restored=True)
    lab_page.command("phtlab:open-results", {"journey": JOURNEY, "restored": True})
    expect(page).to_have_count(1)
    expect(lab_page.page.locator(".lm-DockPanel-tabBar .lm-mod-current")).to_contain_text(
        "Results 75588b"
    )
    wait_until(
        lab_page.page,
        """async () => {
            const layout = await jupyterapp.serviceManager.workspaces.fetch('default')
              .catch(() => null);
            return JSON.stringify(layout ?? {}).includes('phtlab-results:');
        }""",
    )
    lab_page.open(reset=False)
    expect(page).to_contain_text("Your key is locked")
    expect(lab_page.page.locator(".jp-Dialog")).to_have_count(0)


def test_an_event_of_a_widget_opens_them_and_a_foreign_one_does_not(lab_page, told):
    told.begin()
    lab_page.open()
    send = """detail => !window.dispatchEvent(
        new CustomEvent('phtlab:open-results', { detail, cancelable: true }))"""
    page = lab_page.page.locator(".pht-Results")
    for foreign in (None, {}, {"journey": 3}, {"journey": "../keys"}):
        assert evaluate(lab_page.page, send, foreign) is False
    assert evaluate(lab_page.page, send, {"journey": JOURNEY}) is True
    expect(page.get_by_role("tab")).to_have_count(5)


def test_the_map_in_a_notebook_opens_results_and_the_cell_that_failed(lab_page, told, jupyter):
    """With a real kernel: the widget of a journey, which another notebook was sent on."""
    shows = f"""
        import sys
        sys.path.insert(0, {str(ROOT)!r})
        from phtlab.train.documents.record import CellError
        from tests.lab.told_journey import told_journey
        journey, central = told_journey("cleveland", "hungary")
        error = CellError(type="KeyError", cell=3, line=2)
        central.move("hungary", state="failed", sentence="A cell failed.", error=error)
        print(journey.id)
        journey"""
    ends = "central.move('cleveland', state='departed')"
    cells = [("local", textwrap.dedent(shows)), ("local", ends)]
    write_notebook(jupyter.root / "watch.ipynb", cells)
    told.begin()
    lab_page.open("watch.ipynb")
    evaluate(lab_page.page, "jupyterapp.shell.currentWidget.sessionContext.ready")
    lab_page.select(0)
    lab_page.page.keyboard.press("Control+Enter")
    output = lab_page.cell(0).locator(".jp-OutputArea")
    journey = output.locator("pre").filter(has_text="sha256:").inner_text(timeout=60_000).strip()
    results = some_results()
    told.answers[f"GET journeys/{journey}/results"] = Answer(results)
    told.tell("journeys", [{**results["journey"], "id": journey}])
    output.get_by_role("button", name="Go to cell 3, line 2").click()
    lab_page.ready(NOTEBOOK)  # the one that was sent, not the one that shows the map
    assert evaluate(lab_page.page, "jupyterapp.shell.currentWidget.content.activeCellIndex") == 2
    lab_page.command("docmanager:open", {"path": "watch.ipynb"})
    lab_page.ready("watch.ipynb")
    lab_page.select(1)
    lab_page.page.keyboard.press("Control+Enter")
    output.get_by_role("button", name="Results").click()
    expect(lab_page.page.locator(".pht-Results").get_by_role("tab")).to_have_count(5)


def test_the_code_of_the_page_is_fetched_when_it_is_opened(lab_page, told):
    fetched: list[str] = []
    lab_page.page.on("request", lambda request: fetched.append(request.url))
    told.begin()
    lab_page.open()
    before = {url for url in fetched if "/extensions/phtlab/" in url}
    lab_page.command("phtlab:open-results", {"journey": JOURNEY})
    expect(lab_page.page.locator(".pht-Results").get_by_role("tab")).to_have_count(5)
    assert {url for url in fetched if "/extensions/phtlab/" in url} > before


def test_all_of_it_by_keyboard(lab_page, told):
    page = opened(lab_page, told)
    first = page.get_by_role("tab", name="counts")
    first.press("ArrowRight")
    expect(page.get_by_role("tab", name="age_hist")).to_be_focused()
    expect(page.get_by_role("tab", name="age_hist")).to_have_attribute("aria-selected", "true")
    lab_page.page.keyboard.press("End")
    expect(page.get_by_role("tab", name="report")).to_be_focused()
    lab_page.page.keyboard.press("ArrowRight")
    expect(first).to_be_focused()
    lab_page.page.keyboard.press("Tab")  # into the panel, past the other tabs
    expect(page.get_by_role("region", name="Table counts")).to_be_focused()
    expect(page.get_by_role("tabpanel", name="counts")).to_be_visible()


def test_a_wide_table_scrolls_in_its_frame_and_not_the_page(lab_page, told):
    names = [f"a_rather_long_column_{n}" for n in range(40)]
    wide = an_output("wide", table=a_table(names, [range(40)] * 3))
    told.answers[FETCH] = Answer(
        some_results(stations=[results_of("cleveland", wide, counts(1), histogram(1))])
    )
    page = opened(lab_page, told)
    expect(page.get_by_role("tab")).to_have_count(3)
    assert page.evaluate("node => node.scrollWidth - node.clientWidth") <= 0
    frame = page.get_by_role("region", name="Table wide")
    assert frame.evaluate("node => node.scrollWidth > node.clientWidth")


def test_a_dry_run_foresees_below_each_output_what_stations_would_hold(lab_page, told):
    held = a_verdict(
        "mean_age",
        "scalar",
        verdict="held",
        rule="uncounted",
        sentence="It is a scalar that says neither that it counts people nor of how many it is.",
    )
    some = a_verdict("counts", verdict="suppressed", rule="small-count", suppressed_rows=2)
    whole = a_verdict("counts")
    twin = results_of("twins", counts(1), mean(54.4))
    twin["forecasts"] = [
        {"stations": ["cleveland", "hungary"], "verdicts": [some, held]},
        {"stations": ["switzerland"], "verdicts": [whole, held]},
    ]
    results = some_results(stations=[twin], failures=[], unsigned=[])
    results["journey"] = a_journey(a_stop("twins", 0, "departed"), twin=True)
    told.journeys = [results["journey"]]
    told.answers[FETCH] = Answer(results)
    page = opened(lab_page, told)
    panel = tab(page, "counts")
    foreseen = panel.locator(".pht-Forecast")
    expect(foreseen).to_contain_text("Foreseen from the made-up rows")
    lines = foreseen.get_by_role("listitem")
    expect(lines).to_have_count(2)
    for line, stations, becomes in (
        (lines.first, ("cleveland", "hungary"), "2 rows would stay there (small-count)"),
        (lines.last, ("switzerland",), "leaves whole"),
    ):
        for words in (*stations, becomes):
            expect(line).to_contain_text(words)
        expect(line).not_to_contain_text("\\u")  # no sign of what isolates the names
    picture(lab_page.page, "lab-forecast-table")
    panel = tab(page, "mean_age")
    lines = panel.locator(".pht-Forecast").get_by_role("listitem")
    expect(lines.first).to_contain_text("would be held for a person (uncounted). It is a scalar")
    picture(lab_page.page, "lab-forecast-scalar")


def test_a_journey_to_hospitals_foresees_nothing(lab_page, told):
    page = opened(lab_page, told)
    tab(page, "counts")
    expect(page.locator(".pht-Forecast")).to_have_count(0)
