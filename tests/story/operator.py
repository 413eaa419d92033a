"""An operator at a station's console: the command that serves it, and a browser logged in there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect

from phtlab.demo.world import World
from tests.limits import LIMIT, read_line
from tests.real_registry import free_port
from tests.ui.chromium import watched_page

ROLES = ("admin", "reviewer", "releaser")


class Operator:
    """`name` at the console of `station`. The page shows the inbox."""

    def __init__(self, page: Page, name: str, station: str):
        self.page = page
        self.name = name
        self.station = station

    def inbox(self) -> Page:
        self.page.get_by_role("navigation").locator('a[href="/"]').click()
        expect(self.page.get_by_role("heading", name="Inbox")).to_be_visible()
        return self.page

    def waiting(self, title: str, kind: str) -> Locator:
        """What waits in the inbox under `title`; it comes by itself."""
        rows = self.page.locator(".rows > li")
        return rows.filter(has_text=title).filter(has_text=kind)

    def open(self, title: str, kind: str) -> Page:
        """From the inbox to what waits there, by its button."""
        self.inbox()
        self.waiting(title, kind).locator("a.button").click()
        return self.page


@contextmanager
def at_console(browser: Browser, world: World, name: str, station: str) -> Iterator[Operator]:
    """`phtlab station console` of `station`, and `name` logged in by the link that it prints."""
    folder = world.station_folder(station)
    roles = [argument for role in ROLES for argument in ("--role", role)]
    run_phtlab(world, "station", "people", "add", name, *roles, "-C", str(folder))
    command = [sys.executable, "-m", "phtlab", "station", "console", "--person", name]
    command += ["--port", str(free_port()), "-C", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as serving:
        try:
            link = read_line(serving, serving.stdout).strip()
            assert link.startswith("http://127.0.0.1:"), link
            with watched_page(browser) as (page, watch):
                page.goto(link)
                page.get_by_role("button", name="Log in").click()
                expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
                yield Operator(page, name, station)
                watch.require_nothing()
        finally:
            serving.terminate()
            serving.wait(timeout=LIMIT)


def run_phtlab(world: World, *arguments: str) -> str:
    """What a command prints that has to succeed."""
    environment = {**os.environ, **world.environment}
    command = [sys.executable, "-m", "phtlab", *arguments]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=LIMIT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def policies(world: World, **texts: str) -> Iterator[dict[str, Path]]:
    """Each station's policy is the text; afterwards it is what it was."""
    files = {name: world.station_folder(name) / "policy.toml" for name in texts}
    before = {name: file.read_bytes() for name, file in files.items()}
    try:
        for name, text in texts.items():
            files[name].write_text(text)
        yield files
    finally:
        for name, content in before.items():
            files[name].write_bytes(content)
