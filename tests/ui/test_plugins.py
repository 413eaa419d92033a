"""All plugins of the extension: each is at work, each has tests, and none asks another machine."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from playwright.sync_api import Route, expect

from tests.ui.chromium import SIZE, evaluate
from tests.ui.lab_page import LabPage, write_notebook

UI = Path(__file__).parent
FRONTEND = UI.parents[1] / "phtlab" / "lab" / "frontend"
SOURCES = FRONTEND / "src"

CELLS = [
    ("parameters", "min_age: int = 40"),
    (
        "station",
        "from phtlab import dataset, publish\n"
        "age = dataset('heart').age\n"
        "publish('n', age.mean(), kind='scalar', of=age.count())",
    ),
]


def plugin_files() -> dict[str, Path]:
    """Of each plugin in index.ts, by its id: the file that it lies in."""
    index = (SOURCES / "index.ts").read_text()
    listed = re.search(r"const plugins[^=]*= \[(.*?)\];", index, re.DOTALL)
    assert listed
    files = {}
    for variable in re.findall(r"\w+", listed[1]):
        module = re.search(rf"import \{{ {variable} \}} from '\./([\w/]+)';", index)
        assert module, f"{variable} lies in no file of its own"
        (file,) = SOURCES.glob(f"{module[1]}.ts*")
        declared = re.search(rf"{variable}: .*?\n  id: '([\w:-]+)'", file.read_text(), re.DOTALL)
        assert declared, f"{file.name} declares no id for {variable}"
        files[declared[1]] = file
    return files


def said_first(test: Path) -> str:
    """A test file's docstring, or its first comment."""
    text = test.read_text()
    if test.suffix == ".py":
        return ast.get_docstring(ast.parse(text)) or ""
    comment = re.match(r"/\*\*.*?\*/", text, re.DOTALL)
    return comment[0] if comment else ""


def test_each_plugin_lies_in_a_file_of_its_own():
    files = plugin_files()
    assert len(set(files.values())) == len(files) > 10
    assert all(name.startswith("phtlab:") for name in files)
    elsewhere = [f for f in SOURCES.rglob("*.ts*") if f not in files.values()]
    assert [f.name for f in elsewhere if "JupyterFrontEndPlugin<" in f.read_text()] == ["index.ts"]


def test_each_plugin_has_tests_that_name_it():
    tests = [*UI.glob("test_*.py"), *(SOURCES / "__tests__").rglob("*.spec.ts*")]
    named = " ".join(said_first(test) for test in tests if test != Path(__file__))
    missing = [name for name in plugin_files() if not re.search(rf"{name}(?![\w-])", named)]
    assert missing == []


def test_each_plugin_is_at_work_in_lab(lab_page):
    lab_page.open()
    at_work = evaluate(
        lab_page.page,
        """() => {
            const app = window.jupyterapp;
            return app.listPlugins().filter(name => name.startsWith('phtlab:'))
                .map(name => [name, app.isPluginActivated(name)]);
        }""",
    )
    assert dict(at_work) == dict.fromkeys(plugin_files(), True)


def test_each_command_says_what_it_does_and_takes(lab_page):
    lab_page.open()
    commands = evaluate(
        lab_page.page,
        """async () => {
            const commands = window.jupyterapp.commands;
            const ours = commands.listCommands().filter(name => name.startsWith('phtlab:'));
            return Promise.all(ours.map(async name =>
                [name, commands.label(name), (await commands.describedBy(name)).args]));
        }""",
    )
    assert len(commands) > 15
    for name, label, arguments in commands:
        assert label, name
        assert arguments and arguments["type"] == "object", name


def test_no_page_asks_another_machine(lab_page: LabPage):
    """A closed hospital network: whatever goes out is refused, and nothing has tried."""
    page = lab_page.page
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    page.context.route(re.compile(r"^(?!http://127\.0\.0\.1[:/])(?!data:|blob:)"), refuse)
    write_notebook(lab_page.server.root / "closed.ipynb", CELLS)
    lab_page.open("closed.ipynb")
    expect(lab_page.page.locator(".pht-FindingsItem")).to_have_text("✓ can travel")
    lab_page.command("phtlab:open-train")
    panel = page.locator("#phtlab-train-panel")
    expect(panel.get_by_label("min_age")).to_have_value("40")
    lab_page.command("phtlab:open-keys")
    expect(page.locator(".pht-Keys")).to_be_visible()
    lab_page.command("launcher:create")
    expect(page.locator(".jp-Launcher").last).to_be_visible()
    lab_page.dark()
    assert page.viewport_size == SIZE
    assert evaluate(page, "document.documentElement.scrollWidth") <= SIZE["width"]
    assert asked == []
    assert lab_page.watch.outside == []
