"""The hub as `make hub` brings it: a consortium, JupyterHub, and a container for each user's Lab.

Each test has a browser session of its own. An error in the browser, or a request to another
machine, fails the test.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser

from phtlab.demo.hub import HubWorld
from tests.story.desk import Desk
from tests.ui.chromium import chromium, watched_page


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def hub(workspace_hub: HubWorld) -> HubWorld:
    return workspace_hub


@pytest.fixture
def desk(browser: Browser, hub: HubWorld) -> Iterator[Desk]:
    """The researcher at a browser that nobody has used yet."""
    with ExitStack() as stack:
        page, watch = stack.enter_context(watched_page(browser))
        desk = Desk(page, watch, hub)
        yield desk
        watch.require_nothing()
