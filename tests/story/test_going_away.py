"""Browser, server, hub or kernel go away in the middle of a journey: it goes on, and shows."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Browser, Locator, expect

from phtlab.demo.hub import HubWorld
from tests.hub.session import HubSession
from tests.limits import LIMIT
from tests.story.desk import JOURNEY, START, Desk
from tests.ui.chromium import watched_page

# A story has many steps, each with a limit of its own.
pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

NOTEBOOK = "slow.ipynb"
SECONDS = 12  # long enough for what happens meanwhile
CELLS = (
    ("parameters", "seconds: int = 1  # 0..60"),
    (
        "station",
        "import time\n\nimport phtlab\n\ntime.sleep(seconds)\n"
        'phtlab.publish("people", len(phtlab.dataset("heart")), kind="scalar", counts="people")',
    ),
    (
        "local",
        "import phtlab\n\nlab = phtlab.connect()\n"
        f'journey = lab.dispatch(stations="all", parameters={{"seconds": {SECONDS}}})\njourney',
    ),
    ("local", "import os\nimport signal\n\nos.kill(os.getpid(), signal.SIGKILL)"),
)


def begun(desk: Desk) -> tuple[str, Locator]:
    """A journey that runs at the hospitals now: its id, and its entry in the panel."""
    open_notebook(desk)
    panel = desk.panel
    panel.get_by_label("seconds").fill(str(SECONDS))
    panel.get_by_role("button", name="Dispatch…").click()
    dialog = desk.page.locator(".pht-Dispatch-dialog")
    dialog.get_by_role("button", name="Sign and dispatch").click()
    expect(dialog).to_have_count(0)
    return running(desk)


def open_notebook(desk: Desk) -> None:
    desk.enter()
    desk.place(NOTEBOOK, CELLS)
    desk.open(NOTEBOOK)
    desk.show_panel()
    expect(desk.panel.locator(".pht-Verdict")).to_have_text("● ok")
    desk.open_key()


def running(desk: Desk) -> tuple[str, Locator]:
    newest = desk.first_journey
    expect(newest.locator(".pht-Row")).to_contain_text("running", timeout=JOURNEY)
    journey = newest.get_attribute("data-journey")
    assert journey
    return journey, entry(desk, journey)


def entry(desk: Desk, journey: str) -> Locator:
    return desk.panel.locator(f'li[data-journey="{journey}"]')


def ends_well(desk: Desk, journey: str) -> None:
    """The panel shows the truth: the journey is done, and its results open."""
    row = desk.await_end(entry(desk, journey))
    expect(row.locator(".pht-Row")).to_contain_text("done")
    if row.locator(".pht-Row").get_attribute("aria-expanded") != "true":
        row.locator(".pht-Row").click()
    expect(row.locator(".pht-journey-route").get_by_text("departed")).to_have_count(4)
    row.get_by_role("button", name="Results").click()
    unlock = desk.page.locator(".pht-Unlock-dialog")
    page = desk.page.locator(".pht-Page:visible")
    verified = page.get_by_text("4 of 4 stop records verified")
    expect(unlock.or_(verified)).to_be_visible()
    if unlock.is_visible():
        desk.unlock()
    expect(verified).to_be_visible()


def test_a_closed_browser(desk: Desk, hub: HubWorld, browser: Browser):
    journey, _ = begun(desk)
    desk.page.context.close()
    with watched_page(browser) as (page, watch):
        again = Desk(page, watch, hub)
        again.enter()
        again.show_panel()
        # The key is open still: it is the server's, not the browser's.
        expect(entry(again, journey)).to_be_visible()
        ends_well(again, journey)
        watch.require_nothing()


def test_a_restarted_server(desk: Desk, hub: HubWorld):
    journey, _ = begun(desk)
    with HubSession(hub.url) as session:
        session.logged_in(desk.name, hub.passwords[desk.name])
        desk.watch.server_is_away = True
        # Lab says in dialogs of its own what it misses: the server, a kernel, a file to save.
        desk.page.add_locator_handler(
            desk.page.locator(".jp-Dialog:not(.pht-Unlock-dialog):not(.pht-Dispatch-dialog)"),
            lambda _: desk.page.keyboard.press("Escape"),
        )
        session.stopped(desk.name)
        banner = desk.panel.locator(".pht-Banner")
        away = banner.get_by_text("not running").or_(banner.get_by_text("Connection lost"))
        expect(away).to_be_visible(timeout=30_000)
        session.started(desk.name)
    # The new server wants a login, which the hub gives another tab of this browser.
    expect(banner.get_by_text("Log in in another tab")).to_be_visible(timeout=START)
    with desk.page.context.new_page() as tab:
        tab.goto(f"{desk.base}lab")
        tab.wait_for_url(f"{desk.base}lab**", timeout=START)
    expect(banner.get_by_text("Log in in another tab")).to_have_count(0, timeout=60_000)
    # A new process has no open key, and says so; what travels is shown all the same.
    expect(desk.panel.get_by_role("button", name="Unlock…")).to_be_visible()
    ends_well(desk, journey)


def test_a_restarted_hub(desk: Desk, hub: HubWorld):
    journey, row = begun(desk)
    hub.restart_hub()
    desk.await_end(row)
    # Whoever was logged in still is, also in a page that is loaded anew.
    desk.open()
    desk.show_panel()
    ends_well(desk, journey)
    assert httpx.get(
        f"{hub.url}/services/central/api/v1", trust_env=False, timeout=LIMIT
    ).is_success


def test_a_killed_kernel(desk: Desk, hub: HubWorld):
    open_notebook(desk)
    desk.await_notebook()  # Lab drops a cell that is run before there is a kernel
    desk.select(2)
    desk.page.keyboard.press("Control+Enter")
    desk.confirm_sending()
    journey, _ = running(desk)
    desk.watch.server_is_away = True
    desk.select(3)
    desk.page.keyboard.press("Control+Enter")
    dialog = desk.page.locator(".jp-Dialog").filter(has_text="Kernel Restarting")
    expect(dialog).to_be_visible(timeout=60_000)
    dialog.get_by_role("button", name="Ok").click()
    ends_well(desk, journey)
