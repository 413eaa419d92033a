"""The plugin phtlab:cell-roles: where a cell runs, seen there, set in four ways, kept as a tag."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.ui.lab_page import LabPage, write_notebook

CELLS = [
    ("markdown", "# An analysis"),
    ("parameters", "min_age: int = 40"),
    ("station", "cohort = 1"),
    ("local", "here = 2"),
    ("round", "step = 3"),
    ("aggregate", "together = 4"),
]


@pytest.fixture
def path(lab_page: LabPage, request: pytest.FixtureRequest) -> Path:
    file = lab_page.server.root / f"{request.node.name}.ipynb"
    write_notebook(file, CELLS)
    return file


@pytest.fixture
def lab(lab_page: LabPage, path: Path) -> LabPage:
    return lab_page.open(path.name)


def role_of(cell: Locator) -> Any:
    """The edge's colour and the word, as they are drawn; None for what is not."""
    return cell.evaluate(
        """cell => {
            const word = getComputedStyle(cell, '::after').content;
            const edge = getComputedStyle(cell.querySelector('.jp-InputArea-editor') ?? cell);
            return [word === 'none' ? null : word.slice(1, -1),
                    edge.borderLeftWidth === '3px' ? edge.borderLeftColor : null];
        }"""
    )


def metadata(lab: LabPage, path: Path) -> list[dict[str, Any]]:
    """Of each cell, as the file has it after saving."""
    lab.save()
    return [cell["metadata"] for cell in json.loads(path.read_text())["cells"]]


def expect_role(lab: LabPage, index: int, role: str) -> None:
    expect(lab.cell(index)).to_have_attribute("data-pht-role", role)


def test_each_code_cell_shows_its_role_as_a_colour_and_as_a_word(lab):
    expect_role(lab, 1, "parameters")
    shown = [role_of(lab.cell(index)) for index in range(6)]
    assert [word for word, _ in shown] == [None, *(role for role, _ in CELLS[1:])]
    expect(lab.cell(2)).to_have_accessible_description(re.compile("station: Runs at each station"))
    colours = [colour for _, colour in shown[1:]]
    assert None not in colours and len(set(colours)) == 5
    assert shown[0] == [None, None]


def test_the_word_can_be_read_in_the_dark_theme(lab):
    lab.dark()
    dark = lab.cell(2).evaluate("cell => getComputedStyle(cell, '::after').color")
    assert dark.startswith("rgba(255, 255, 255")
    assert len({role_of(lab.cell(index))[1] for index in range(1, 6)}) == 5


def test_an_ordinary_notebook_is_left_alone(lab_page):
    file = lab_page.server.root / "ordinary.ipynb"
    write_notebook(file, [("local", "x = 1"), ("local", "y = 2")])
    lab_page.open(file.name)
    selector = lab_page.select(1).get_by_label("Where the cell runs")
    expect(selector).to_have_value("local")
    assert role_of(lab_page.cell(1)) == [None, None]
    selector.select_option("local")
    assert metadata(lab_page, file) == [{}, {}]


def test_the_selector_sets_the_role_of_its_cell(lab, path):
    selector = lab.select(3).get_by_label("Where the cell runs")
    expect(selector).to_have_value("local")
    selector.select_option("station")
    expect_role(lab, 3, "station")
    assert metadata(lab, path)[3] == {"tags": ["station"]}
    selector.select_option("local")
    expect_role(lab, 3, "local")
    assert metadata(lab, path)[3] == {}


def test_other_tags_are_left_where_they_are(lab_page):
    file = lab_page.server.root / "tags.ipynb"
    write_notebook(file, CELLS)
    notebook = json.loads(file.read_text())
    notebook["cells"][2]["metadata"] = {"tags": ["slow", "station", "draft"], "mine": {"a": 1}}
    file.write_text(json.dumps(notebook))
    lab_page.open(file.name)
    lab_page.select(2).get_by_label("Where the cell runs").select_option("round")
    expect_role(lab_page, 2, "round")
    assert metadata(lab_page, file)[2] == {"tags": ["slow", "round", "draft"], "mine": {"a": 1}}


def test_a_shortcut_sets_all_selected_cells_and_is_undone_as_one(lab, path):
    lab.select(2)
    lab.page.keyboard.press("Shift+ArrowDown")
    lab.page.keyboard.press("Shift+ArrowDown")
    lab.page.keyboard.press("g")
    lab.page.keyboard.press("a")
    for index in (2, 3, 4):
        expect_role(lab, index, "aggregate")
    assert [m.get("tags") for m in metadata(lab, path)[2:5]] == [["aggregate"]] * 3
    lab.cell(4).press("z")
    for index, role in ((2, "station"), (3, "local"), (4, "round")):
        expect_role(lab, index, role)
    assert metadata(lab, path)[2:5] == [{"tags": ["station"]}, {}, {"tags": ["round"]}]


def test_each_role_has_its_letters(lab):
    lab.select(2)
    for letter, role in (
        ("l", "local"),
        ("p", "parameters"),
        ("r", "round"),
        ("c", "combine"),
        ("s", "station"),
    ):
        lab.page.keyboard.press("g")
        lab.page.keyboard.press(letter)
        expect_role(lab, 2, role)


def test_the_command_palette_knows_the_roles(lab):
    lab.select(3)
    lab.palette("Cell Role: Round")
    expect_role(lab, 3, "round")


def test_the_context_menu_is_for_the_cell_that_was_pointed_at(lab):
    lab.select(1)
    lab.cell(3).locator(".cm-content").click(button="right")
    lab.page.locator(".lm-Menu-item", has_text="Cell Role").hover()
    menu = lab.page.locator("#phtlab-cell-role")
    expect(menu.locator(".lm-Menu-item.lm-mod-toggled")).to_have_text("local")
    menu.get_by_text("aggregate", exact=True).click()
    expect_role(lab, 3, "aggregate")
    expect_role(lab, 1, "parameters")


def test_a_notebook_in_r_has_the_same_roles(lab_page):
    file = lab_page.server.root / "roles-in-r.ipynb"
    write_notebook(file, [("station", "x <- 1"), ("local", "y <- 2")], language="R")
    notebook = json.loads(file.read_text())
    notebook["metadata"]["kernelspec"] |= {"name": "ir", "display_name": "R"}
    file.write_text(json.dumps(notebook))
    lab_page.open(file.name)
    lab_page.page.locator(".jp-Dialog").get_by_role("button", name="No Kernel").click()
    assert role_of(lab_page.cell(0))[0] == "station"
    lab_page.select(1).get_by_label("Where the cell runs").select_option("aggregate")
    expect_role(lab_page, 1, "aggregate")
    assert metadata(lab_page, file) == [{"tags": ["station"]}, {"tags": ["aggregate"]}]


def test_letters_typed_into_the_selector_are_no_commands_of_the_notebook(lab):
    selector = lab.select(3).get_by_label("Where the cell runs")
    selector.focus()
    lab.page.keyboard.press("x")  # would cut the cell
    lab.page.keyboard.press("ArrowDown")
    expect_role(lab, 3, "parameters")
    expect(lab.notebook.locator(".jp-Cell")).to_have_count(len(CELLS))


def test_the_selector_stays_at_hand_where_lab_hides_the_toolbar(lab_page):
    file = lab_page.server.root / "long.ipynb"
    write_notebook(file, [("station", "x = 1"), ("station", f"y = '{'long ' * 40}'")])
    lab_page.open(file.name)
    cell = lab_page.select(1)
    selector = cell.get_by_label("Where the cell runs")
    expect(cell.locator(".jp-cell-toolbar button").first).to_be_hidden()
    selector.select_option("aggregate")
    expect_role(lab_page, 1, "aggregate")


def test_tags_that_are_edited_elsewhere_are_followed(lab):
    selector = lab.select(2).get_by_label("Where the cell runs")
    expect(selector).to_have_value("station")
    lab.page.get_by_role("tab", name="Property Inspector").click()
    lab.page.locator(".jp-Collapse-header", has_text="Common Tools").click()
    lab.page.locator(".jp-CellTags-Tag", has_text="station").click()
    expect_role(lab, 2, "local")
    expect(selector).to_have_value("local")


def test_a_markdown_cell_has_no_role_and_a_cell_made_code_gets_one(lab):
    cell = lab.select(0)
    expect(cell.locator(".jp-cell-toolbar")).to_be_visible()
    expect(cell.get_by_label("Where the cell runs")).to_have_count(0)
    lab.page.keyboard.press("g")
    lab.page.keyboard.press("s")
    expect(lab.cell(0)).not_to_have_attribute("data-pht-role", "station")
    lab.page.keyboard.press("y")
    expect_role(lab, 0, "local")


@pytest.mark.parametrize("mode", ["full", "contentVisibility"])
def test_cells_far_below_show_their_role_when_they_come_into_view(lab_page, mode):
    lab_page.draws(mode)
    file = lab_page.server.root / f"far-{mode}.ipynb"
    write_notebook(file, [("station" if n % 2 else "local", f"x = {n}") for n in range(300)])
    lab_page.open(file.name)
    last = lab_page.cell(299)
    expect(last.locator(".cm-content")).to_contain_text("x = 299")
    assert role_of(last)[0] == "station"
    assert role_of(last)[1] is not None
    assert role_of(lab_page.cell(298))[0] == "local"
