"""The hub as `make hub` brings it: a consortium, JupyterHub, and a container for each user's Lab.

One hub for all of this folder; each test a browser session of its own. An error in the browser,
or a request to another machine, fails the test.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import docker
import pytest
from playwright.sync_api import Browser

from phtlab.demo.hub import HubWorld
from phtlab.demo.world import World
from tests.conftest import CACHE
from tests.real_registry import free_port
from tests.story.desk import Desk
from tests.ui.chromium import chromium, watched_page


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def hub(
    tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient
) -> Iterator[HubWorld]:
    place = tmp_path_factory.mktemp("story") / "hub"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHTLAB_CACHE", str(CACHE))
        hub = HubWorld(place, World(place / "consortium", log_n=12), port=free_port())
        try:
            hub.found(lambda doing: None)
            hub.start(lambda doing: None)
            yield hub
        finally:
            hub.forget()


@pytest.fixture
def desk(browser: Browser, hub: HubWorld) -> Iterator[Desk]:
    """The researcher at a browser that nobody has used yet."""
    with ExitStack() as stack:
        page, watch = stack.enter_context(watched_page(browser))
        desk = Desk(page, watch, hub)
        yield desk
        watch.require_nothing()
