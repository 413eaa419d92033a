"""Parts that renew themselves: what changed comes by server-sent events, and nothing else does."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from phtlab.station.maintenance import pause
from phtlab.station.policy import default_policy
from tests.console.conftest import Browser, Desk


def _stream_of(page: str) -> str:
    found = re.search(r'hx-sse:connect="([^"]+)"', page)
    assert found
    return found[1]


def _event(lines: Iterator[str]) -> str:
    """The next event's text."""
    data = []
    for line in lines:
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


def test_a_self_test_that_was_asked_for_is_done_by_the_station_that_runs(
    desk: Desk, browser: Browser
) -> None:
    from phtlab.station.self_test import Nightly, asked_for

    nightly = Nightly(desk.world.station())
    assert not asked_for(desk.world.folder)
    browser.post("/health/self-test")
    assert nightly.due()
    assert "A self-test was asked for" in browser.get("/health").text
    (desk.world.folder.path / "self-test.asked").unlink()


def test_whoever_is_not_logged_in_gets_no_stream(desk: Desk) -> None:
    client: httpx.Client = desk.browser()
    for path in ("/live/inbox", "/live/journeys", "/live/health", f"/live/journeys/{'0' * 64}"):
        assert client.get(path).status_code == 401
