"""A researcher at a browser: logs in, opens Lab, and does there what a person does."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from playwright.sync_api import Locator, Page, expect

from phtlab.demo.hub import HubWorld
from phtlab.demo.world import RESEARCHER
from tests.ui.chromium import Watch, evaluate
from tests.ui.lab_page import LabPage, notebook_of

START = 120_000  # ms, for a workspace on two busy cores
JOURNEY = 120_000  # ms, with five stations there too

# What `jupyter lab --expose-app-in-browser` writes into the page: a workspace is started without.
EXPOSED = """
new MutationObserver((changes, observer) => {
    const told = document.getElementById('jupyter-config-data');
    if (!told?.textContent.trim().endsWith('}')) { return; }
    observer.disconnect();
    const config = {...JSON.parse(told.textContent), exposeAppInBrowser: 'true'};
    told.textContent = JSON.stringify(config);
}).observe(document, {childList: true, subtree: true});
"""


class Desk(LabPage):
    """Lab in the hub's workspace of `name`, in a tab of the browser."""

    def __init__(self, page: Page, watch: Watch, hub: HubWorld, name: str = RESEARCHER):
        self.page = page
        self.watch = watch
        self.hub = hub
        self.name = name
        page.add_init_script(EXPOSED)
        # See chromium.py: a person closes it, and the next look at the folder is right.
        page.add_locator_handler(
            page.locator(".jp-Dialog").filter(has_text="Directory not found"),
            lambda dialog: dialog.get_by_role("button").last.click(),
        )

    @property
    def base(self) -> str:
        return f"{self.hub.url}/user/{self.name}/"

    def log_in(self) -> None:
        """Fill the hub's form; the browser is on its way to the workspace then."""
        self.page.goto(self.hub.url)
        self.page.get_by_label("Username").fill(self.name)
        self.page.get_by_label("Password").fill(self.hub.passwords[self.name])
        self.page.get_by_role("button", name="Sign in").click()

    def await_lab(self) -> Desk:
        """Wait out the workspace's start, then Lab's."""
        self.page.wait_for_url(f"{self.base}lab**", timeout=START)
        self.ready()
        return self

    def enter(self) -> Desk:
        """From the login form into Lab, through whatever lies between."""
        self.log_in()
        self.page.wait_for_url(f"{self.base}lab**", timeout=START)
        return self.open()

    def open(self, path: str = "", *, reset: bool = True) -> Desk:
        tree = f"/tree/{quote(path)}" if path else ""
        self.page.goto(f"{self.base}lab{tree}" + ("?reset" if reset else ""))
        self.ready(path)
        return self

    def new_notebook(self) -> None:
        """Choose the first kernel's card in the launcher."""
        self.page.locator('.jp-LauncherCard[data-category="Notebook"]').first.click()
        self.await_notebook()

    def await_notebook(self) -> None:
        """Wait until what is shown is a notebook, and a kernel is there for it."""
        self.page.wait_for_function(
            """() => {
                const shown = window.jupyterapp.shell.currentWidget;
                return shown?.content?.scrollToItem && shown.context.isReady
                    && shown.sessionContext.session?.kernel?.status === 'idle';
            }""",
            timeout=START,
        )

    def save_first(self, name: str) -> None:
        """Save a notebook that has no name of its own yet: Lab asks for one."""
        self.page.keyboard.press("Control+s")
        dialog = self.page.locator(".jp-Dialog")
        dialog.get_by_role("textbox").fill(name)
        self.page.keyboard.press("Enter")
        expect(dialog).to_have_count(0)

    @property
    def panel(self) -> Locator:
        return self.page.locator("#phtlab-train-panel")

    def show_panel(self) -> Locator:
        self.command("phtlab:open-train")
        expect(self.panel).to_be_visible()
        return self.panel

    def unlock(self) -> None:
        """Answer the dialog that asks for the passphrase."""
        dialog = self.page.locator(".pht-Unlock-dialog")
        dialog.get_by_label("Passphrase").fill(self.hub.passphrase)
        self.page.keyboard.press("Enter")
        expect(dialog).to_have_count(0)

    def open_key(self) -> None:
        """Unlock the key if it is locked."""
        wanted = self.panel.get_by_role("button", name="Unlock…")
        stations = self.panel.locator(".pht-Stations > li")
        expect(stations.first).to_be_visible()
        if wanted.is_visible():
            wanted.click()
            self.unlock()
        expect(wanted).to_have_count(0)

    @property
    def first_journey(self) -> Locator:
        """The newest journey's entry in the panel."""
        return self.panel.locator(".pht-Journeys > li").first

    def await_end(self, journey: Locator) -> Locator:
        expect(journey.get_by_role("progressbar")).to_have_count(0, timeout=JOURNEY)
        return journey

    def double_click(self, cell: Locator, word: str) -> None:
        """Select `word`, where it stands first in the cell's text, as with the mouse."""
        x, y = cell.locator(".cm-content").evaluate(
            """(content, word) => {
                const texts = document.createTreeWalker(content, NodeFilter.SHOW_TEXT);
                for (let node; (node = texts.nextNode());) {
                    const at = node.data.indexOf(word);
                    if (at >= 0) {
                        const range = document.createRange();
                        range.setStart(node, at);
                        range.setEnd(node, at + word.length);
                        const box = range.getBoundingClientRect();
                        return [box.x + box.width / 2, box.y + box.height / 2];
                    }
                }
                throw new Error(`nobody wrote ${word}`);
            }""",
            word,
        )
        self.page.mouse.dblclick(x, y)

    def place(self, path: str, cells: Sequence[tuple[str, str]]) -> None:
        """Put a notebook into the workspace, as an upload does."""
        evaluate(
            self.page,
            """([path, content]) => window.jupyterapp.serviceManager.contents.save(
                path, {type: 'notebook', format: 'json', content})""",
            [path, notebook_of(cells)],
        )
