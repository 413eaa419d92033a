"""The pages of what happened and of what waits: for members, with filters, and no way out."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from phtlab.central.hub.users import DISPATCH, READ
from phtlab.central.pages.hub_login import SESSION
from tests.central.hub.hub_simulator import HubSimulator
from tests.central.pages.test_consortium import HOME, Browser
from tests.central.world import World
from tests.governance import documents


@pytest.fixture
def browser(hub_central: World, hub: HubSimulator) -> Iterator[Browser]:
    """Ada's, logged in, with a proposal, a journey and its record at central."""
    world = hub_central
    proposal = documents.proposal()
    world.client("ada").governance.submit_proposal(proposal.sign(world.identity("ada")))
    journey = world.journey("ulm")
    world.client("ulm").put_record(journey.id, "ulm", world.record(journey, "ulm"))
    made = Browser(world, hub)
    made.log_in(hub.token("ada", (READ, DISPATCH)))
    yield made
    made.http.close()


def numbers(text: str) -> list[int]:
    return [int(found) for found in re.findall(r'<td class="number">(\d+)</td>\s*<td><time', text)]


def test_members_see_what_happened_the_newest_first(browser: Browser) -> None:
    answer = browser.get(f"{HOME}audit")
    assert answer.status_code == 200 and numbers(answer.text) == [5, 4, 3, 2, 1]
    assert "script" not in answer.text
    assert "form-action 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("actor=ada", [4, 3, 2]),
        ("actor=ada&action=proposal-submitted", [2]),
        ("subject=p-", [2]),
        ("since=2100-01-01", []),
        ("until=2100-01-01&action=stop-recorded", [5]),
        ("actor=%3Cscript%3E", []),
        ("before=3", [2, 1]),
    ],
)
def test_entries_are_filtered_by_the_form(browser: Browser, query: str, found: list[int]) -> None:
    answer = browser.get(f"{HOME}audit?{query}")
    assert answer.status_code == 200 and numbers(answer.text) == found
    assert "<script>" not in answer.text


def test_a_day_that_is_none_is_told_on_the_page(browser: Browser) -> None:
    answer = browser.get(f"{HOME}audit?since=yesterday")
    assert answer.status_code == 200
    assert "is no day or moment" in answer.text and 'value="yesterday"' in answer.text


def test_what_waits_is_read_by_the_page_s_own_form_only(browser: Browser) -> None:
    page = browser.get(f"{HOME}notifications").text
    assert "Your journey" in page and "● new" in page
    token, number = re.findall(r'name="(?:token|number)" value="([0-9a-f]+)"', page)
    forged = browser.http.post(
        f"{HOME}notifications", content=f"token={'0' * 64}&number={number}".encode()
    )
    assert forged.status_code == 403 and "● new" in browser.get(f"{HOME}notifications").text
    for broken in (b"", b"token=%ff&number=1", f"token={token}&number=x".encode()):
        assert browser.http.post(f"{HOME}notifications", content=broken).status_code == 422
    read = browser.http.post(
        f"{HOME}notifications", content=f"token={token}&number={number}".encode()
    )
    assert read.status_code == 303 and "● new" not in browser.get(f"{HOME}notifications").text
    assert "notifications</a>" in browser.get(HOME).text


def test_others_see_neither(hub_central: World, hub: HubSimulator) -> None:
    stranger = Browser(hub_central, hub)
    for place in ("audit", "notifications"):
        assert stranger.get(f"{HOME}{place}").status_code == 302, "the hub's login"
    stranger.log_in(hub.token("eve", (READ,)))
    assert SESSION in stranger.http.cookies
    for place in ("audit", "notifications"):
        text = stranger.get(f"{HOME}{place}").text
        assert "The roster has nobody called" in text and "roster-published" not in text
    unscoped = Browser(hub_central, hub)
    unscoped.log_in(hub.token("ada", ()))
    assert unscoped.get(f"{HOME}audit").status_code == 403
    for one in (stranger, unscoped):
        one.http.close()
