"""The plugins phtlab:checks and phtlab:findings: what keeps a notebook from travelling stands at
its cell while one writes, and is gone when it is mended.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Locator, expect

from tests.ui.chromium import evaluate
from tests.ui.extension_simulator import Answer, ExtensionSimulator, a_status, refusal
from tests.ui.lab_page import LabPage, write_notebook
from tests.ui.told_shapes import a_check, a_finding

MISSPELT = "publish('n', kind='scalar', counts='n', value=ages)"
CELLS = [
    ("markdown", "# An analysis"),
    ("parameters", "min_age: int = 40"),
    ("station", "from phtlab import dataset, publish\nage = dataset('heart').age"),
    ("station", "x = 1\npublish('n', len(age), kind='scalar', counts='n')"),
    ("local", "ages = 2"),
]


@pytest.fixture
def file(lab_page: LabPage, request: pytest.FixtureRequest) -> Path:
    path = lab_page.server.root / f"{request.node.name}.ipynb"
    write_notebook(path, CELLS)
    return path


@pytest.fixture
def lab(lab_page: LabPage, file: Path) -> LabPage:
    lab_page.open(file.name)
    expect(status(lab_page)).to_have_text("✓ can travel")
    return lab_page


@pytest.fixture
def told(lab_page: LabPage, file: Path) -> ExtensionSimulator:
    simulator = ExtensionSimulator(lab_page.page)
    simulator.answers["POST check"] = Answer(a_check())
    simulator.begin()
    return simulator


def status(lab: LabPage) -> Locator:
    return lab.page.locator(".pht-FindingsItem")


def problems(cell: Locator) -> Locator:
    return cell.get_by_role("list", name="Problems of this cell").get_by_role("listitem")


def marks(cell: Locator) -> Locator:
    """The text that is underlined, an element a line."""
    return cell.locator(".cm-lintRange")


def text_of(cell: Locator) -> Locator:
    return cell.get_by_role("textbox")


def write(lab: LabPage, index: int, text: str) -> None:
    """Replace the text of a cell by typing."""
    cell = lab.cell(index)
    cell.locator(".cm-content").click()
    lab.page.keyboard.press("Control+a")
    lab.page.keyboard.type(text)


def test_problem_appears_while_one_types_and_is_gone_when_it_is_mended(lab):
    cell = lab.cell(3)
    expect(problems(cell)).to_have_count(0)
    write(lab, 3, MISSPELT)
    expect(problems(cell)).to_have_count(1)
    expect(problems(cell)).to_contain_text("which only the local cell 5 defines")
    expect(marks(cell)).to_have_text([MISSPELT])
    expect(status(lab)).to_have_text("✗ 1 problem")
    lab.page.keyboard.press("ArrowLeft")
    lab.page.keyboard.press("Backspace")
    expect(problems(cell)).to_have_count(0)
    expect(marks(cell)).to_have_count(0)
    expect(status(lab)).to_have_text("✓ can travel")


def test_problem_is_gone_when_the_role_of_another_cell_mends_it(lab):
    write(lab, 3, MISSPELT)
    expect(problems(lab.cell(3))).to_have_count(1)
    lab.page.keyboard.press("Escape")
    lab.command("notebook:move-cell-down")
    lab.select(3).get_by_label("Where the cell runs").select_option("station")
    expect(lab.notebook.locator(".pht-CellFindings")).to_have_count(0)
    expect(status(lab)).to_have_text("✓ can travel")


def test_problem_is_told_to_the_ear_and_its_line_is_a_click_away(lab):
    write(lab, 3, f"x = 1\n{MISSPELT}")
    cell = lab.cell(3)
    expect(text_of(cell)).to_have_accessible_description(
        re.compile("Error: .*local cell 5 defines")
    )
    expect(text_of(cell)).to_have_attribute("aria-invalid", "true")
    lab.page.keyboard.press("Control+Home")
    problems(cell).get_by_role("button", name="Line 2").click()
    lab.page.keyboard.type("y; ")
    expect(cell.locator(".cm-line")).to_have_text(["x = 1", f"y; {MISSPELT}"])
    write(lab, 3, "publish('n', len(age), kind='scalar', counts='n')")
    expect(text_of(cell)).to_have_accessible_description("")
    expect(text_of(cell)).not_to_have_attribute("aria-invalid", "true")


def test_mark_says_why_under_the_pointer(lab):
    write(lab, 3, MISSPELT)
    lab.cell(3).locator(".cm-lintRange-error").hover()
    expect(lab.page.locator(".cm-tooltip-lint")).to_contain_text("only the local cell 5 defines")


def fix(cell: Locator, name: str | re.Pattern[str]) -> Locator:
    return problems(cell).get_by_role("button", name=name)


def test_a_click_declares_what_is_missing_and_one_key_takes_it_back(lab):
    before = "publish('n', int(age.max()), kind='scalar')"
    write(lab, 3, before)
    cell = lab.cell(3)
    expect(problems(cell)).to_have_count(2)
    expect(problems(cell).first).to_contain_text("does not say")
    expect(status(lab)).to_have_text("! 2 remarks")
    fix(cell, 'Declare of=int(age.count()), statistic="max"').click()
    after = "publish('n', int(age.max()), kind='scalar', of=int(age.count()), statistic=\"max\")"
    expect(cell.locator(".cm-line")).to_have_text([after])
    expect(problems(cell)).to_have_count(1)  # that it is one person's: nothing declares it away
    expect(fix(cell, re.compile("Declare"))).to_have_count(0)
    lab.page.keyboard.press("Control+z")
    expect(cell.locator(".cm-line")).to_have_text([before])
    expect(fix(cell, re.compile("Declare"))).to_have_count(1)
    lab.page.keyboard.press("Control+Shift+z")
    expect(cell.locator(".cm-line")).to_have_text([after])


def test_what_only_the_author_knows_is_selected_and_an_error_until_it_is_there(lab):
    write(lab, 3, "publish('n', float(score()), kind='scalar')")
    cell = lab.cell(3)
    fix(cell, "Declare of=…").click()
    placed = "publish('n', float(score()), kind='scalar', of=...)"
    expect(cell.locator(".cm-line")).to_have_text([placed])
    expect(problems(cell).filter(has_text="still to be filled in")).to_have_count(1)
    expect(status(lab)).to_have_text("✗ 2 problems")  # nobody defines score
    lab.page.keyboard.type("len(age)")
    expect(cell.locator(".cm-line")).to_have_text([placed.replace("...", "len(age)")])
    expect(problems(cell).filter(has_text="still to be filled in")).to_have_count(0)


def test_a_second_click_before_the_next_check_adds_nothing(lab_page, told, file):
    change = {"title": "Declare of=3", "line": 2, "column": 48, "text": ", of=3", "select": None}
    found = [a_finding(3, "Declare.", severity="warning", line=2, fix=change)]
    told.answers["POST check"] = Answer(a_check(findings=found))
    lab_page.open(file.name)
    cell = lab_page.cell(3)
    expect(fix(cell, "Declare of=3")).to_be_visible()
    told.answers["POST check"] = refusal("busy", "Later.", status=503)
    fix(cell, "Declare of=3").dblclick()
    fix(cell, "Declare of=3").click()
    text = "publish('n', len(age), kind='scalar', counts='n', of=3)"
    expect(cell.locator(".cm-line")).to_have_text(["x = 1", text])


def test_the_panel_and_the_palette_declare_it_too(lab):
    before = "publish('n', len(age), kind='scalar')"
    write(lab, 3, before)
    lab.page.keyboard.press("Escape")
    lab.select(0)
    lab.command("phtlab:open-train")
    panel = lab.page.locator("#phtlab-train-panel")
    button = panel.get_by_role("list", name="Problems").get_by_role("button", name="Declare counts")
    expect(button).to_have_text('Declare counts="n"')
    button.click()
    lines = lab.cell(3).locator(".cm-line")
    after = "publish('n', len(age), kind='scalar', counts=\"n\")"
    expect(lines).to_have_text([after])
    lab.page.keyboard.press("Control+z")
    expect(lines).to_have_text([before])
    expect(problems(lab.cell(3))).to_have_count(1)
    lab.page.keyboard.press("Escape")
    lab.palette("Declare What a Problem")
    expect(lines).to_have_text([after])


def test_the_mark_under_the_pointer_offers_the_change(lab):
    write(lab, 3, "publish('n', len(age), kind='scalar')")
    lab.cell(3).locator(".cm-lintRange-warning").hover()
    lab.page.locator(".cm-tooltip-lint").get_by_role("button", name='Declare counts="n"').click()
    after = "publish('n', len(age), kind='scalar', counts=\"n\")"
    expect(lab.cell(3).locator(".cm-line")).to_have_text([after])


def test_problem_moves_with_its_cell_before_the_next_check_comes(lab_page, told, file):
    told.answers["POST check"] = Answer(a_check(ok=False, findings=[a_finding(3, "Here.", line=1)]))
    lab_page.open(file.name)
    expect(problems(lab_page.cell(3))).to_have_text(re.compile("Here\\."))
    evaluate(lab_page.page, "window.toldStreams.at(-1).close()")
    told.answers["POST check"] = refusal("busy", "Later.", status=503)
    lab_page.select(3)
    lab_page.command("notebook:move-cell-up")
    expect(problems(lab_page.cell(2))).to_have_text(re.compile("Here\\."))
    expect(problems(lab_page.cell(3))).to_have_count(0)


@pytest.mark.parametrize("mode", ["full", "contentVisibility"])
def test_cell_far_below_shows_its_problem_when_it_comes_into_view(lab_page, mode):
    lab_page.draws(mode)
    file = lab_page.server.root / f"far-problem-{mode}.ipynb"
    cells = [*CELLS, *[("station", f"y{n} = {n}") for n in range(200)], ("station", "z = nowhere(")]
    write_notebook(file, cells)
    lab_page.open(file.name)
    expect(status(lab_page)).to_have_text("✗ 1 problem")
    expect(lab_page.notebook.locator(".pht-CellFindings")).to_have_count(0)
    status(lab_page).get_by_role("button").click()
    cell = lab_page.cell(len(cells) - 1)
    expect(problems(cell)).to_contain_text("was never closed")
    expect(marks(cell)).to_have_text(["z = nowhere("])
    expect(cell).to_contain_class("jp-mod-active")


def test_next_problem_goes_round(lab):
    write(lab, 2, "from phtlab import dataset, publish\nage = input()")
    write(lab, 3, MISSPELT)
    expect(status(lab)).to_have_text("✗ 2 problems")
    lab.page.keyboard.press("Escape")
    lab.select(0)
    for index in (2, 3, 2):
        lab.palette("Go to the Next Problem")
        expect(lab.cell(index)).to_contain_class("jp-mod-active")
        lab.page.keyboard.press("Escape")


def test_what_is_said_of_the_whole_notebook_is_in_the_train_panel(lab):
    write(lab, 3, "x = 1")
    expect(status(lab)).to_have_text("! 1 remark")
    status(lab).get_by_role("button").click()
    panel = lab.page.locator("#phtlab-train-panel")
    expect(panel.get_by_role("list", name="Problems")).to_contain_text("publishes anything")


def test_notebook_in_r_is_checked_too(lab_page):
    file = lab_page.server.root / "in-r.ipynb"
    write_notebook(file, [("station", 'name <- "n"\npublish(name, 1)')], language="R")
    notebook = json.loads(file.read_text())
    notebook["metadata"]["kernelspec"] |= {"name": "ir", "display_name": "R"}
    file.write_text(json.dumps(notebook))
    lab_page.open(file.name)
    lab_page.page.locator(".jp-Dialog").get_by_role("button", name="No Kernel").click()
    cell = lab_page.cell(0)
    expect(problems(cell)).to_contain_text("the output's name is computed")
    expect(marks(cell)).to_have_text(["publish(name, 1)"])
    write(lab_page, 0, 'publish("n", 1, kind = "scalar", counts = "n")')
    expect(problems(cell)).to_have_count(0)


def test_ordinary_notebook_is_not_bothered(lab_page):
    file = lab_page.server.root / "ordinary-unchecked.ipynb"
    write_notebook(file, [("local", "x = (")])
    with lab_page.page.expect_response(re.compile("/phtlab/check")):
        lab_page.open(file.name)
    lab_page.command("phtlab:open-train")
    panel = lab_page.page.locator("#phtlab-train-panel")
    expect(panel.get_by_role("list", name="Problems")).to_contain_text("no cell is marked")
    expect(status(lab_page)).to_be_hidden()
    expect(lab_page.notebook.locator(".pht-CellFindings")).to_have_count(0)


def test_saving_checks_at_once_and_what_cells_put_out_is_not_sent(lab_page, told, file):
    notebook = nbformat.read(file, as_version=4)
    notebook.cells[3].outputs = [nbformat.v4.new_output("stream", text="a secret " * 9)]
    nbformat.write(notebook, file)
    lab_page.open(file.name)
    expect(status(lab_page)).to_have_text("✓ can travel")
    before = len(told.bodies("POST check"))
    with lab_page.page.expect_response(re.compile("/phtlab/check")):
        lab_page.save()
    assert len(told.bodies("POST check")) > before
    first, *more = told.bodies("POST check")
    # Not the metadata: Lab adds there what it learns of the kernel that starts meanwhile.
    assert all(one["content"]["cells"] == first["content"]["cells"] for one in more)
    assert first["name"] == file.name
    assert "secret" not in json.dumps([first, *more])
    nbformat.validate(nbformat.from_dict(first["content"]))
    assert [cell["source"] for cell in first["content"]["cells"]] == [text for _, text in CELLS]


def test_typing_is_checked_when_it_rests(lab_page, told, file):
    lab_page.open(file.name)
    expect(status(lab_page)).to_be_visible()
    text = "publish('n', age, kind='scalar') # " + "word " * 10 + "end"
    with lab_page.page.expect_response(lambda answer: text in (answer.request.post_data or "")):
        write(lab_page, 3, text)
    assert len(told.bodies("POST check")) < 20  # of 75 keys


@pytest.mark.parametrize(
    "answer",
    [
        refusal("http-500", "It broke.", status=500),
        Answer(b"<html>Log in</html>", headers={"Content-Type": "text/html"}),
    ],
    ids=["refused", "login-page"],
)
def test_check_that_fails_is_told_quietly_and_made_up_for(lab_page, told, file, answer):
    found = a_check(ok=False, findings=[a_finding(3, "Old.", line=1)])
    told.answers["POST check"] = Answer(found)
    lab_page.open(file.name)
    expect(status(lab_page)).to_have_text("✗ 1 problem")
    told.lose()
    told.answers["POST check"] = answer
    write(lab_page, 3, "publish('n', 1, kind='scalar')")
    expect(status(lab_page)).to_have_text("… not checked")
    title = status(lab_page).get_by_role("button").get_attribute("title") or ""
    assert "could not be checked" in title
    expect(problems(lab_page.cell(3))).to_have_count(1)  # the last that is known
    expect(lab_page.page.locator(".Toastify__toast, .jp-Dialog")).to_have_count(0)
    told.answers["POST check"] = Answer(a_check())
    told.come_back()
    expect(status(lab_page)).to_have_text("✓ can travel")
    expect(problems(lab_page.cell(3))).to_have_count(0)


HOSTILE = [
    "<img src=x onerror=window.pwned=1><script>window.pwned=1</script>",
    "\u202eevil\u2066",
    "x" * 10_000,
]


def test_hostile_messages_are_text(lab_page, told, file):
    findings: list[dict[str, Any]] = [a_finding(3, message, line=1) for message in HOSTILE]
    told.status = a_status()
    told.answers["POST check"] = Answer(a_check(ok=False, findings=findings))
    lab_page.open(file.name)
    listed = problems(lab_page.cell(3))
    expect(listed).to_have_count(3)
    expect(listed.nth(0)).to_contain_text("<img src=x")
    expect(listed.nth(1)).to_contain_text("\\u202eevil\\u2066")
    assert len(listed.nth(2).inner_text()) < 700
    wide = lab_page.cell(3).evaluate("node => node.scrollWidth - node.clientWidth")
    assert wide <= 0
    lab_page.cell(3).locator(".cm-lintRange").first.hover()
    expect(lab_page.page.locator(".cm-tooltip-lint")).to_contain_text("<img src=x")
    assert evaluate(lab_page.page, "window.pwned") is None
