"""A real JupyterLab with the extension, in a real browser.

What answers the extension differs. `jupyter` has no consortium: its server extension is real, and
in most modules that use it `ExtensionSimulator` answers in its place, for states that a consortium
reaches late or only under attack. `jupyter_in_world` is the desk of the researcher of `world`, a
real consortium, and the researcher's key is locked; those modules are marked `engine`.

Each module has servers of its own, and each test a tab that knows nothing of those before it; the
browser keeps the scripts that it has compiled, and servers their port, to which those belong. An
error in the browser, or a request to another machine, fails the test.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.conftest import CACHE
from tests.real_registry import free_port
from tests.ui.chromium import Watch, chromium_with_profile, watched_tab
from tests.ui.lab_page import LabPage
from tests.ui.lab_server import LabServer, lab_running

if TYPE_CHECKING:
    from phtlab.demo.world import World


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    with chromium_with_profile(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture(scope="package")
def lab_port() -> int:
    return free_port()


@pytest.fixture(scope="package")
def lab_in_world_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory, lab_port: int) -> Iterator[LabServer]:
    with lab_running(tmp_path_factory.mktemp("jupyter") / "lab", port=lab_port) as server:
        yield server


@pytest.fixture(scope="module")
def jupyter_in_world(
    tmp_path_factory: pytest.TempPathFactory, world: World, lab_in_world_port: int
) -> Iterator[LabServer]:
    known = {"PHTLAB_CONFIG": str(world.researcher), "PHTLAB_CACHE": str(CACHE)}
    folder = tmp_path_factory.mktemp("jupyter") / "lab"
    with lab_running(folder, known, port=lab_in_world_port) as server:
        yield server


@pytest.fixture
def _watched(browser: BrowserContext) -> Iterator[tuple[Page, Watch]]:
    with watched_tab(browser) as (page, watch):
        yield page, watch
        watch.require_nothing()


@pytest.fixture
def page(_watched: tuple[Page, Watch]) -> Page:
    return _watched[0]


@pytest.fixture
def lab_page(_watched: tuple[Page, Watch], jupyter: LabServer) -> LabPage:
    """Lab without a consortium; call `open`."""
    return LabPage(_watched[0], jupyter, _watched[1])


@pytest.fixture
def lab_in_world(_watched: tuple[Page, Watch], jupyter_in_world: LabServer) -> LabPage:
    """Lab of the world's researcher; call `open`."""
    return LabPage(_watched[0], jupyter_in_world, _watched[1])
