"""Parts that renew themselves: what changed comes by server-sent events, and nothing else does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from playwright.sync_api import expect

from phtlab.station.console.app import create_app
from phtlab.station.console.console import Console
from phtlab.station.context.maintenance import pause, pause_contradicted, pause_of
from phtlab.station.context.self_test_result import SelfTestSchedule, self_test_requested
from phtlab.station.policy.policy import default_policy
from tests.console.conftest import Browser, Desk, running
from tests.real_registry import free_port
from tests.ui.chromium import chromium, watched_page


def _stream_of(page: str) -> str:
    found = re.search(r'hx-sse:connect="([^"]+)"', page)
    assert found
    return found[1]


def _event(lines: Iterator[str]) -> str:
    """The next event's text; a stream that tells nothing for a minute fails the test."""
    data, quiet = [], 0
    for line in lines:
        quiet += line.startswith(":")
        assert quiet < 4, "nothing was told"
        if line.startswith("data: "):
            data.append(line.removeprefix("data: "))
        elif not line and data:
            return "\n".join(data)
    raise AssertionError("the stream ended")


@pytest.fixture
def browser(desk: Desk) -> Browser:
    return desk.login("all")


def test_what_comes_into_the_inbox_comes_to_the_page(desk: Desk, browser: Browser) -> None:
    desk.world.folder.policy.write_text(default_policy("human"))
    stream = _stream_of(browser.get("/").text)
    with browser.client.stream("GET", stream) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        offer = desk.world.offer()
        desk.world.begun(offer, steps=2)
        assert f"/review/{offer.journey[7:]}" in _event(answer.iter_lines())


def test_what_the_page_has_already_is_not_sent_again(desk: Desk, browser: Browser) -> None:
    offer = desk.world.offer()
    desk.world.begun(offer, steps=1)
    path = f"/journeys/{offer.journey[7:]}"
    stream = _stream_of(browser.get(path).text)
    with browser.client.stream("GET", stream) as answer:
        lines = answer.iter_lines()
        desk.world.daemon().step()
        desk.world.daemon().step()
        assert "What happened" in _event(lines)
    for page, live in (("/journeys", "/live/journeys"), ("/health", "/live/health")):
        assert _stream_of(browser.get(page).text).startswith(f"{live}?seen=")


def test_a_pause_is_seen_by_who_looks_at_the_health_page(desk: Desk, browser: Browser) -> None:
    stream = _stream_of(browser.get("/health").text)
    with browser.client.stream("GET", stream) as answer:
        pause(desk.console.station, by="adm", reason="New disks")
        assert "New disks" in _event(answer.iter_lines())
    browser.post("/health/resume")
    assert "Pause the station" in browser.get("/health").text


@pytest.fixture
def contradicted(desk: Desk) -> str:
    """A journey of which the station's key signed two records."""
    offer = desk.world.offer()
    desk.world.begun(offer, steps=20)
    pause_contradicted(desk.console.station, offer.journey, record=offer.journey)
    return offer.journey


def test_after_two_records_a_station_is_resumed_only_by_who_says_that_the_copy_ended(
    desk: Desk, browser: Browser, contradicted: str
) -> None:
    page = browser.get("/health").text
    assert f'href="/journeys/{contradicted[7:19]}"' in page
    assert "End the copy" in page or "copy was found" in page
    answer = browser.post("/health/resume", status=409)
    assert "--copy-ended" in answer.text
    assert pause_of(desk.world.folder) is not None
    browser.post("/health/resume", copy_ended="true")
    assert pause_of(desk.world.folder) is None


@pytest.mark.browser
def test_the_health_page_says_what_to_do_about_two_records(desk: Desk, contradicted: str) -> None:
    console = Console.of(desk.console.station, port=free_port())
    other = Desk(desk.world, console, create_app(console))
    with (
        chromium() as browser,
        watched_page(browser) as (page, _),
        running(console, other.app),
    ):
        page.goto(f"{other.home}/login?link={other.link('all')}")
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{other.home}/")
        page.get_by_role("link", name="Health", exact=True).click()
        expect(page.get_by_role("status").first).to_contain_text("Two different records")
        resume = page.get_by_role("button", name="Resume")
        resume.click()  # the browser asks for the tick first
        assert pause_of(desk.world.folder) is not None
        page.get_by_label("The copy was found, and it has ended.").check()
        resume.click()
        expect(page.get_by_text("The station goes on.")).to_be_visible()


def test_a_self_test_that_was_asked_for_is_done_by_the_station_that_runs(
    desk: Desk, browser: Browser
) -> None:
    nightly = SelfTestSchedule(desk.world.station())
    assert not self_test_requested(desk.world.folder)
    browser.post("/health/self-test")
    assert nightly.due()
    assert "A self-test was asked for" in browser.get("/health").text
    (desk.world.folder.path / "self-test.asked").unlink()


def test_whoever_is_not_logged_in_gets_no_stream(desk: Desk) -> None:
    client: httpx.Client = desk.browser()
    for path in ("/live/inbox", "/live/journeys", "/live/health", f"/live/journeys/{'0' * 64}"):
        assert client.get(path).status_code == 401


@pytest.mark.browser
def test_a_page_says_that_the_console_is_away_and_is_live_again_when_it_is_back(
    desk: Desk,
) -> None:
    console = Console.of(desk.console.station, port=free_port())
    other = Desk(desk.world, console, create_app(console))
    with chromium() as browser, watched_page(browser) as (page, watch):
        with running(console, other.app):
            page.goto(f"{other.home}/login?link={other.link('rev')}")
            page.get_by_role("button", name="Log in").click()
            page.wait_for_url(f"{other.home}/")
            page.get_by_role("link", name="Policy", exact=True).focus()
        away = page.get_by_text("The console does not answer")
        watch.server_is_away = True
        expect(away).to_be_visible()
        console.closing.clear()
        with running(console, other.app):
            expect(away).to_be_hidden()
            desk.world.folder.policy.write_text(default_policy("human"))
            offer = desk.world.offer()
            desk.world.begun(offer, steps=2)
            row = page.locator(f'a[href="/review/{offer.journey[7:]}"]')
            expect(row).to_be_visible()
            expect(page.get_by_role("link", name="Policy", exact=True)).to_be_focused()
            # Its login is over: the page says so by itself.
            desk.world.ahead += timedelta(hours=9)
            expect(page.get_by_text("Log in with a one-time link.")).to_be_visible()
