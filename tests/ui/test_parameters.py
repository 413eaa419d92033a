"""The form of a notebook's parameters in the plugin phtlab:train-panel, as the real server reads
them out of the parameters cell: it follows what is written, and checks each key.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.ui.lab_page import LabPage, write_notebook

DECLARED = """\
from typing import Annotated, Literal
from annotated_types import Interval

min_age: Annotated[int, Interval(ge=18, le=100)] = 40
outcome: Literal["any", "severe"] = "any"
sites: list[str] = ["north"]
fast: bool = False
"""
CELLS = [
    ("parameters", DECLARED),
    (
        "station",
        "from phtlab import dataset, publish\n"
        "publish('n', dataset('heart').age.mean(), kind='scalar')",
    ),
]


@pytest.fixture
def form(lab_page: LabPage, request: pytest.FixtureRequest) -> Locator:
    file: Path = lab_page.server.root / f"{request.node.name}.ipynb"
    write_notebook(file, CELLS)
    lab_page.open(file.name)
    lab_page.command("phtlab:open-train")
    panel = lab_page.page.locator("#phtlab-train-panel .pht-Parameters")
    expect(panel).to_be_visible()
    return panel


def test_each_declared_parameter_is_a_field_with_its_default_and_bounds(form):
    age = form.get_by_label("min_age")
    expect(age).to_have_value("40")
    expect(age).to_have_accessible_description("18 to 100")
    outcome = form.get_by_label("outcome")
    expect(outcome.locator("option:checked")).to_have_text("any")
    expect(outcome.locator("option")).to_have_text(["Choose…", "any", "severe"])
    expect(form.get_by_label("fast").locator("option:checked")).to_have_text("no")
    sites = form.get_by_role("group", name="sites")
    expect(sites.get_by_role("textbox")).to_have_value("north")


def test_what_does_not_fit_is_said_while_it_is_typed(form):
    age = form.get_by_label("min_age")
    age.fill("17")
    expect(age).to_have_attribute("aria-invalid", "true")
    expect(age).to_have_accessible_description(re.compile("Takes 18 to 100, not 17"))
    age.fill("18.5")
    expect(age).to_have_accessible_description(re.compile("Takes a whole number, 18 to 100"))
    age.fill("18")
    expect(age).to_have_attribute("aria-invalid", "false")
    expect(age).to_have_accessible_description(re.compile("^18 to 100, default 40$"))


def test_entries_of_a_list_come_and_go_by_keyboard(form, lab_page):
    sites = form.get_by_role("group", name="sites")
    sites.get_by_role("button", name="Add an entry").press("Enter")
    expect(sites.get_by_role("textbox")).to_have_count(2)
    sites.get_by_role("textbox").last.fill("south")
    sites.get_by_role("button", name="Remove entry 1").click()
    expect(sites.get_by_role("textbox")).to_have_value("south")


def test_form_follows_the_cell_and_keeps_what_was_given(form, lab_page):
    form.get_by_label("min_age").fill("55")
    lab_page.cell(0).locator(".cm-content").click()
    lab_page.page.keyboard.press("Control+End")
    lab_page.page.keyboard.insert_text("\nratio: float = 0.5\n")
    expect(form.get_by_label("ratio")).to_have_value("0.5")
    expect(form.get_by_label("min_age")).to_have_value("55")


def test_declaration_that_cannot_be_read_is_a_problem_at_its_cell(form, lab_page):
    lab_page.cell(0).locator(".cm-content").click()
    lab_page.page.keyboard.press("Control+End")
    lab_page.page.keyboard.insert_text("\nwhen: object = object()\n")
    problems = lab_page.cell(0).get_by_role("list", name="Problems of this cell")
    expect(problems).to_contain_text("the type 'object' is not known")
