"""Time that the interface adds: from Dispatch to the first state, from the last stop to the plot.

The same notebook is dispatched to four hospitals, alternately from JupyterLab in Chromium and by
phtlab in Python. In JupyterLab, a script in the page records the times at each drawn frame, and
clicks the button for the results as soon as it exists: no person's time is measured.
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

from bench.consortium import consortium, researcher_environment
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
    const check = () => {
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
        const drawn = pictures.every(image => image.complete && image.naturalWidth);
        if (pictures.length === hospitals && drawn) {
            // The time of the frame after the figures are drawn.
            requestAnimationFrame(() => { seen.drawn = now(); });
            return;
        }
        requestAnimationFrame(check);
    };
    check();
}"""


@dataclass(frozen=True)
class Delays:
    """Seconds from the click or the call to the first state, and from the last stop to the plot."""

    begin: float
    end: float


@contextmanager
def panel(world: World) -> Iterator[tuple[LabPage, Path]]:
    """Open the notebook in Lab in a browser, with the key unlocked; yield page and path."""
    with (
        TemporaryDirectory(prefix="phtlab-bench-") as place,
        lab_running(Path(place) / "lab", researcher_environment(world)) as server,
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
    reply = httpx.post(
        f"{server.url}phtlab/keys/unlock",
        json={"passphrase": passphrase},
        headers={"Authorization": f"token {server.token}"},
        timeout=60,
        trust_env=False,
    )
    reply.raise_for_status()


def by_interface(lab_page: LabPage, lab: Lab, hospitals: int) -> Delays:
    """Dispatch the notebook and open its results by clicks in the page."""
    page = lab_page.page
    page.evaluate(WATCH, hospitals)
    page.locator("#phtlab-train-panel").get_by_role("button", name="Dispatch…").click()
    page.locator(".pht-Dispatch-dialog").get_by_role("button", name="Sign and dispatch").click()
    seen = _seen(page)
    lab_page.command("application:close")
    expect(page.locator(".pht-Results")).to_have_count(0)
    last = ended(lab, seen["journey"], hospitals)
    return Delays(seen["shown"] - seen["clicked"], seen["drawn"] - last)


def _seen(page: Page) -> dict[str, Any]:
    page.wait_for_function("window.phtBench.drawn", timeout=PATIENCE)
    seen: dict[str, Any] = page.evaluate("window.phtBench")
    return seen


def by_python(notebook: Path, lab: Lab, hospitals: int) -> Delays:
    """Dispatch the notebook and decode its figures in Python."""
    began = time.time()
    journey = lab.dispatch(notebook)
    shown = len(str(journey)) and time.time()
    journey.wait(PATIENCE / 1000, on_change=lambda view: None)
    figures = journey.results().figures("bars")
    for figure in figures.values():
        Image.open(io.BytesIO(figure.png)).load()
    drawn = time.time()
    require(
        len(figures) == hospitals,
        f"expected a figure of each hospital, got those of {list(figures)}",
    )
    return Delays(shown - began, drawn - ended(lab, journey.id, hospitals))


def ended(lab: Lab, journey: str, hospitals: int) -> float:
    """Return when the last stop ended, by central's clock, which is this machine's."""
    view = lab.central.journey(journey)
    states = [stop.state for stop in view.stops]
    require(states == ["departed"] * hospitals, f"not all stops departed: {states}")
    return max(stop.updated.timestamp() for stop in view.stops)


def measure(world: World, size: BenchSize) -> list[Row]:
    """Measure, print the times, and return the rows."""
    lab = connected(world)
    hospitals = len(set(world.stations) - {TWIN})
    interface: list[Delays] = []
    python: list[Delays] = []
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
        shown = [getattr(delays, name) for delays in interface]
        called = [getattr(delays, name) for delays in python]
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
