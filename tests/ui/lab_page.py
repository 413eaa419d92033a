"""JupyterLab in the browser, as tests use it: open a notebook, find a cell, run a command."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nbformat
from playwright.sync_api import Locator, Page, TimeoutError, expect

from tests.ui.chromium import LOADING, Watch, evaluate, wait_until
from tests.ui.lab_server import SETTINGS, LabServer

# Commands that have begun, from then on.
_NOTE_COMMANDS = """() => {
    if (!window.executedCommands) {
        const note = (_, { id }) => window.executedCommands.push(id);
        jupyterapp.commands.commandExecuted.connect(note);
    }
    window.executedCommands = [];
}"""


class LabPage:
    """A browser's tab with Lab in it."""

    def __init__(self, page: Page, server: LabServer, watch: Watch):
        self.page = page
        self.server = server
        self.watch = watch

    def open(self, path: str = "", *, reset: bool = True) -> LabPage:
        """Load Lab, with the file at `path` open. Without `reset` it restores what was open."""
        tree = f"/tree/{quote(path)}" if path else ""
        query = f"?token={self.server.token}" + ("&reset" if reset else "")
        self.page.goto(f"{self.server.url}lab{tree}{query}")
        return self.ready(path)

    def ready(self, path: str = "") -> LabPage:
        """Wait until Lab is there, and the file at `path`, if given, shows its content."""
        self.page.wait_for_function(
            """path => {
                const shell = window.jupyterapp?.shell;
                if (!shell || document.querySelector('#jupyterlab-splash')) { return false; }
                const context = shell.currentWidget?.context;
                return !path || (context?.path === path && context.isReady);
            }""",
            arg=path,
            timeout=LOADING,
        )
        # The splash may not be there yet; once the layout is restored, all commands are.
        evaluate(
            self.page,
            """async () => {
                await window.jupyterapp.restored;
                await window.jupyterapp.shell.currentWidget?.revealed;
            }""",
        )
        return self

    def command(self, name: str, args: dict[str, Any] | None = None) -> Any:
        """Run a command of Lab's by its id; what it gives, if that is plain data."""
        return evaluate(
            self.page,
            """async ([name, args]) => {
                const given = await window.jupyterapp.commands.execute(name, args);
                try { return JSON.parse(JSON.stringify(given ?? null)); } catch { return null; }
            }""",
            [name, args or {}],
        )

    def palette(self, label: str) -> None:
        """Choose `label` in the command palette, as a person does."""
        field = self.page.locator(".lm-CommandPalette-input")
        active = self.page.locator(".lm-CommandPalette-item.lm-mod-active").filter(has_text=label)
        evaluate(self.page, _NOTE_COMMANDS)
        for attempt in range(10):
            # It closes when something else takes the focus, as a notebook or launcher that has
            # just come may, at any moment until the command has begun.
            self.page.keyboard.press("Control+Shift+c")
            try:
                field.fill(label, timeout=1500)
                name = active.get_attribute("data-command", timeout=3000)
                field.press("Enter", timeout=1500)
            except TimeoutError:
                if attempt == 9:
                    raise
                continue
            if evaluate(self.page, "name => window.executedCommands.includes(name)", name):
                return
        raise AssertionError(f"the command '{label}' has not begun")

    @property
    def notebook(self) -> Locator:
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")

    def cell(self, index: int) -> Locator:
        """The cell at `index`, from 0; scrolled to, as far off it may not be in the page."""
        cell = self.notebook.locator(f'.jp-Cell[data-windowed-list-index="{index}"]')
        if not cell.is_visible():
            # Lab draws cells when it is idle, and cannot scroll to one that is not drawn. Again and
            # again: heights are guessed until cells are drawn, so a scroll may end short.
            wait_until(
                self.page,
                """async index => {
                    const notebook = window.jupyterapp.shell.currentWidget.content;
                    const cell = notebook.widgets[index];
                    if (!cell) { return false; }
                    notebook.renderCellOutputs(index);
                    await notebook.scrollToItem(index, 'smart');
                    return !cell.isPlaceholder() && cell.node.offsetHeight > 0;
                }""",
                index,
            )
        return cell

    def select(self, index: int) -> Locator:
        """Select the cell in command mode, by its prompt.

        Cells move while one above them is drawn: whoever hit another one clicks again.
        """
        cell = self.cell(index)
        active = cell.and_(self.page.locator(".jp-mod-active"))
        for patience in (1_000, 4_000, 45_000):  # ms
            cell.locator(".jp-InputPrompt").click()
            with suppress(AssertionError):
                expect(active).to_have_count(1, timeout=patience)
                return cell
        raise AssertionError(f"cell {index} was clicked and is not the active one")

    def draws(self, mode: str) -> None:
        """How notebooks draw their cells: Lab's setting `windowingMode`. Call before `open`."""
        plugin = "@jupyterlab/notebook-extension/tracker"
        self.server.set(plugin, {**SETTINGS[plugin], "windowingMode": mode})

    def confirm_sending(self) -> None:
        """Press *Send* where the page asks before code in a cell sends a train."""
        dialog = self.page.locator(".jp-Dialog").filter(has_text="Send this train?")
        expect(dialog).to_be_visible(timeout=60_000)
        dialog.get_by_role("button", name="Send", exact=True).click()
        expect(dialog).to_have_count(0)

    def save(self) -> None:
        self.command("docmanager:save")

    def sidebar(self, title: str) -> Locator:
        """Open the side bar's panel with that title, by its tab."""
        tab = self.page.locator(f'.jp-SideBar .lm-TabBar-tab[title^="{title}"]')
        if tab.get_attribute("aria-selected") != "true":
            tab.click()
        return self.page.locator(".jp-SidePanel:visible, .lm-StackedPanel-child:visible").first

    def dark(self) -> None:
        self.command("apputils:change-theme", {"theme": "JupyterLab Dark"})
        expect(self.page.locator("body")).to_have_attribute("data-jp-theme-light", "false")

    def light(self) -> None:
        self.command("apputils:change-theme", {"theme": "JupyterLab Light"})
        expect(self.page.locator("body")).to_have_attribute("data-jp-theme-light", "true")


def write_notebook(
    path: Path, cells: Sequence[tuple[str, str]], *, language: str = "python"
) -> None:
    """Write `notebook_of(cells)` to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook_of(cells, language=language), path)


def notebook_of(
    cells: Sequence[tuple[str, str]], *, language: str = "python"
) -> nbformat.NotebookNode:
    """A notebook of code cells, each a role (or ``local``, or ``markdown``) and its source."""
    made = []
    for role, source in cells:
        if role == "markdown":
            made.append(nbformat.v4.new_markdown_cell(source))
            continue
        metadata = {} if role == "local" else {"tags": [role]}
        made.append(nbformat.v4.new_code_cell(source, metadata=metadata))
    for number, cell in enumerate(made):
        cell["id"] = f"cell-{number}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": language}
    return nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": kernel})
