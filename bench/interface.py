"""What the interface adds: from Dispatch to the first state, from the last stop to the plot.

The same notebook goes to four hospitals from JupyterLab in Chromium and by phtlab in Python, in
turns. In Lab a script in the page notes the moments, at each frame that is drawn, and opens the
results as soon as there is a button for it: what is measured is the interface, not a person.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import Page, expect

from bench.consortium import consortium, desk
from bench.figures import Row, keep, line, median, require, row, spread
from bench.notebooks import FIGURE, write
from bench.size import FULL, BenchSize
from phtlab.demo.showcase import connected
from phtlab.demo.world import TWIN, World
from phtlab.lab import Lab
from tests.ui.chromium import chromium, watched_page
from tests.ui.lab_page import LabPage
from tests.ui.lab_server import LabServer, lab_running

NAME = "bars.ipynb"
PATIENCE = 300_000  # ms

WATCH = """hospitals => {
    const now = () => (performance.timeOrigin + performance.now()) / 1000;
    const known = new Set();
    document.querySelectorAll('li[data-journey]').forEach(n => known.add(n.dataset.journey));
    const seen = window.phtBench = {};
    document.addEventListener('click', event => {
        if (event.target.closest('.pht-Dispatch-dialog .jp-Dialog-footer .jp-mod-accept')) {
            seen.clicked ??= now();
        }
    }, true);
    const look = () => {
        const journey = [...document.querySelectorAll('li[data-journey]')]
            .find(node => !known.has(node.dataset.journey));
        if (journey?.querySelector('.pht-journey-stop')) {
            seen.shown ??= now();
            seen.journey = journey.dataset.journey;
        }
        if (journey && seen.opened === undefined && !journey.querySelector('.pht-Bar')) {
            const button = journey.querySelector('.pht-journey-feet .pht-mod-accept');
            if (button) {
                seen.opened = now();
                button.click();
            }
        }
        const pictures = [...document.querySelectorAll(
            '.pht-Results:not(.lm-mod-hidden) .pht-Multiple-picture img'
        )];
        const drawn = pictures.every(one => one.complete && one.naturalWidth);
        if (pictures.length === hospitals && drawn) {
            // The frame after the one that they are in.
            requestAnimationFrame(() => { seen.drawn = now(); });
            return;
        }
        requestAnimationFrame(look);
    };
    look();
}"""


@dataclass(frozen=True)
class Way:
    """Seconds from the click or the call to the first state; from the last stop to the plot."""

    begin: float
    end: float


@contextmanager
def panel(world: World) -> Iterator[tuple[LabPage, Path]]:
    """Lab in a browser, the key unlocked and the notebook open; and the notebook's path."""
    with (
        TemporaryDirectory(prefix="phtlab-bench-") as place,
        lab_running(Path(place) / "lab", desk(world)) as server,
        chromium() as browser,
        watched_page(browser) as (page, watch),
    ):
        notebook = write(server.root / NAME, FIGURE)
        _unlock(server, world.passphrase)
        lab = LabPage(page, server, watch)
        lab.open(NAME)
        lab.command("phtlab:open-train")
        expect(page.locator("#phtlab-train-panel .pht-Verdict")).to_have_text("● ok")
        yield lab, notebook
        watch.require_nothing()


def _unlock(server: LabServer, passphrase: str) -> None:
    told = httpx.post(
        f"{server.url}phtlab/keys/unlock",
        json={"passphrase": passphrase},
        headers={"Authorization": f"token {server.token}"},
        timeout=60,
        trust_env=False,
    )
    told.raise_for_status()


def by_interface(lab_page: LabPage, lab: Lab, hospitals: int) -> Way:
    page = lab_page.page
    page.evaluate(WATCH, hospitals)
    page.locator("#phtlab-train-panel").get_by_role("button", name="Dispatch…").click()
    page.locator(".pht-Dispatch-dialog").get_by_role("button", name="Sign and dispatch").click()
    seen = _seen(page)
    lab_page.command("application:close")
    expect(page.locator(".pht-Results")).to_have_count(0)
    last = ended(lab, seen["journey"], hospitals)
    return Way(seen["shown"] - seen["clicked"], seen["drawn"] - last)


def _seen(page: Page) -> dict[str, Any]:
    page.wait_for_function("window.phtBench.drawn", timeout=PATIENCE)
    seen: dict[str, Any] = page.evaluate("window.phtBench")
    return seen


def by_python(notebook: Path, lab: Lab, hospitals: int) -> Way:
    began = time.time()
    journey = lab.dispatch(notebook)
    shown = len(str(journey)) and time.time()
    journey.wait(PATIENCE / 1000, on_change=lambda view: None)
    figures = journey.results().figures("bars")
    for figure in figures.values():
        Image.open(io.BytesIO(figure.png)).load()
    drawn = time.time()
    require(len(figures) == hospitals, f"a figure of each was to come, and came: {list(figures)}")
    return Way(shown - began, drawn - ended(lab, journey.id, hospitals))


def ended(lab: Lab, journey: str, hospitals: int) -> float:
    """When the last stop had ended, by central's clock, which is this machine's."""
    view = lab.central.journey(journey)
    states = [stop.state for stop in view.stops]
    require(states == ["departed"] * hospitals, f"all were to depart: {states}")
    return max(stop.updated.timestamp() for stop in view.stops)


def measure(world: World, size: BenchSize) -> list[Row]:
    """Print what was found, and return its rows."""
    lab = connected(world)
    hospitals = len(set(world.stations) - {TWIN})
    interface: list[Way] = []
    python: list[Way] = []
    with panel(world) as (lab_page, notebook):
        for _ in range(size.warmups + size.interface_runs):
            interface.append(by_interface(lab_page, lab, hospitals))
            python.append(by_python(notebook, lab, hospitals))
    del interface[: size.warmups], python[: size.warmups]
    rows: list[Row] = []
    for name, title in {
        "begin": "From the click on Dispatch to the first state shown:",
        "end": "From the last stop to the plot drawn:",
    }.items():
        shown = [getattr(way, name) for way in interface]
        called = [getattr(way, name) for way in python]
        added = median(shown) - median(called)
        print(title)
        print(line("in JupyterLab", shown))
        print(line("in Python", called))
        note = f"{spread(shown)}. The interface adds {added:+.2f} s."
        peer = "phtlab in Python"
        rows.append(
            row(f"interface_{name}", median(shown), note, peer=peer, peer_value=median(called))
        )
    return rows


if __name__ == "__main__":
    with consortium() as world:
        keep(measure(world, FULL))
