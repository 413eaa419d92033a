"""The plugin phtlab:welcome: the launcher, the first visit, the tutorial, and a new analysis."""

from __future__ import annotations

import ast
import json

import nbformat
import pytest
from playwright.sync_api import Locator, expect

from phtlab.notebook import read_analysis
from tests.ui.chromium import evaluate
from tests.ui.extension_simulator import Answer, ExtensionSimulator, refusal
from tests.ui.lab_page import LabPage, write_notebook
from tests.ui.lab_server import LabServer
from tests.ui.told_shapes import a_check, a_column, a_consortium, a_data_set, a_station
from tests.ui.train_panel import CELLS


@pytest.fixture
def told(lab_page: LabPage, jupyter: LabServer) -> ExtensionSimulator:
    for left in jupyter.root.glob("analysis*.ipynb"):
        left.unlink()
    simulator = ExtensionSimulator(lab_page.page)
    simulator.stations = a_consortium()
    simulator.answers["POST check"] = Answer(a_check())
    simulator.answers["GET kernels"] = Answer([])
    return simulator


def launcher(lab_page: LabPage) -> Locator:
    lab_page.command("launcher:create")
    return lab_page.page.locator(".jp-Launcher:visible")


def card(lab_page: LabPage, name: str) -> Locator:
    return launcher(lab_page).locator(".jp-LauncherCard").filter(has_text=name)


def test_the_launcher_has_both(lab_page, told):
    told.begin()
    lab_page.open()
    section = (
        launcher(lab_page)
        .locator(".jp-Launcher-section")
        .filter(has=lab_page.page.get_by_role("heading", name="Federated analysis"))
    )
    expect(section.locator(".jp-LauncherCard-label")).to_have_text(
        ["New federated analysis", "Federated analysis tutorial"]
    )


def test_the_tutorial_opens_where_the_server_put_it(lab_page, told, jupyter):
    write_notebook(jupyter.root / "tutorial.ipynb", CELLS)
    told.answers["POST tutorial"] = Answer({"path": "tutorial.ipynb"}, 201)
    told.begin()
    lab_page.open()
    card(lab_page, "Federated analysis tutorial").click()
    lab_page.ready("tutorial.ipynb")


def test_a_tutorial_that_cannot_be_opened_says_why(lab_page, told):
    told.answers["POST tutorial"] = refusal("no-files", "Your folder cannot be written.")
    told.begin()
    lab_page.open()
    lab_page.palette("Open the Tutorial")
    dialog = lab_page.page.locator(".jp-Dialog")
    expect(dialog).to_contain_text("The tutorial cannot be opened")
    expect(dialog).to_contain_text("Your folder cannot be written.")
    lab_page.page.keyboard.press("Escape")


def test_a_new_analysis_is_sound_and_of_the_data_that_there_are(lab_page, told, jupyter):
    told.begin()
    lab_page.open()
    card(lab_page, "New federated analysis").click()
    lab_page.ready("analysis.ipynb")
    content = (jupyter.root / "analysis.ipynb").read_bytes()
    analysis = read_analysis(content, name="analysis")
    assert not analysis.findings
    texts = ["".join(cell["source"]) for cell in json.loads(content)["cells"]]
    dispatch, wait, aggregate = texts[-3:]
    assert "dispatch(" in dispatch
    assert "confirm" not in dispatch
    assert wait == "journey.wait()"
    assert "phtlab.results()" in aggregate
    assert list(analysis.datasets) == ["heart"]
    assert [output.name for output in analysis.outputs] == ["counts"]
    assert list(analysis.parameters.schema["properties"]) == ["min_age"]
    roles = [cell.metadata.get("tags", []) for cell in nbformat.reads(content, 4).cells]
    assert roles == [[], ["parameters"], ["station"], [], [], ["aggregate"]]


def test_the_next_one_has_another_name(lab_page, told, jupyter):
    told.begin()
    lab_page.open()
    (jupyter.root / "analysis.ipynb").write_text("not touched")
    lab_page.palette("New Federated Analysis")
    lab_page.ready("analysis-2.ipynb")
    assert (jupyter.root / "analysis.ipynb").read_text() == "not touched"


@pytest.mark.parametrize(
    "hostile", ["'); import os; os.system('id')#", 'x"\n%%bash\nid', "x" * 300, "\u202exe"]
)
def test_names_of_a_hostile_station_become_no_code(lab_page, told, jupyter, hostile):
    columns = [
        a_column(hostile, "integer", minimum=0, maximum=9),
        a_column(f"{hostile}2", "string", categories=["a", "b"]),
    ]
    told.stations = [a_station("s", datasets=[a_data_set(hostile, columns=columns)])]
    told.begin()
    lab_page.open()
    lab_page.command("phtlab:new-analysis")
    lab_page.ready("analysis.ipynb")
    notebook = nbformat.read(jupyter.root / "analysis.ipynb", as_version=4)
    code = [ast.parse(cell.source) for cell in notebook.cells if cell.cell_type == "code"]
    names = {n.id for tree in code for n in ast.walk(tree) if isinstance(n, ast.Name)}
    assert names <= {
        *("Annotated", "Interval", "int", "min_age", "phtlab", "frame", "cohort", "counts"),
        "journey",
    }


def test_the_first_visit_explains_itself(lab_page, told):
    told.stations = []
    told.begin()
    lab_page.open()
    lab_page.command("phtlab:open-train")
    welcome = lab_page.page.get_by_role("region", name="Welcome to federated analysis")
    expect(welcome.get_by_role("listitem")).to_have_count(3)
    expect(welcome.get_by_role("button", name="Open the tutorial")).to_be_visible()


def test_the_real_tutorial_is_sound(lab_page: LabPage, jupyter: LabServer):
    """With the real server: a copy in the person's folder, which checks without a finding."""
    lab_page.open()
    lab_page.palette("Open the Tutorial")
    lab_page.page.wait_for_function(
        "jupyterapp.shell.currentWidget?.context?.path?.endsWith('.ipynb')"
    )
    path = evaluate(lab_page.page, "jupyterapp.shell.currentWidget.context.path")
    lab_page.ready(path)
    analysis = read_analysis((jupyter.root / path).read_bytes(), name="tutorial")
    assert not analysis.errors
