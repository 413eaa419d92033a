"""What the console has chosen at first covers the train that was read; else a person chooses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from phtlab.station.approvals import decisions
from phtlab.station.approvals.store import Approvals
from phtlab.station.stops import stop_files
from phtlab.station.stops.marker import Marker
from tests.console.conftest import Desk, desk_of
from tests.station.approvals.test_approvals import once, proposed, run
from tests.station.approvals.test_study_approvals import UNCOUNTED, _believe, _rotated, notebook_of
from tests.station.station_world import World, make_world
from tests.story.pictures import picture
from tests.ui.chromium import chromium, watched_page


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A station whose policy lets every train wait for a person, and that ran one already."""
    world = make_world(tmp_path)
    world.add_hearts()
    world.folder.policy.write_text('mode = "human"\n')
    once(world)
    with desk_of(world) as desk:
        yield desk


def _chosen(text: str) -> list[str]:
    return re.findall(r'name="scope" value="([a-z-]+)" checked', text)


def test_of_a_study_of_mid_risk_its_notebook_is_chosen(desk: Desk) -> None:
    """Before, low-risk trains were chosen, under which the study's own may not start."""
    notebook = notebook_of(desk.world)
    _, proposal = proposed(desk.world, risk="mid", notebooks=(notebook,))
    page = desk.login("rev").get(f"/proposals/{proposal.id}").text
    assert _chosen(page) == ["notebook"]
    assert "Risk: at most mid." in page
    assert "not the study&#39;s own, which are of mid risk here" in page


def test_of_a_study_of_low_risk_its_low_risk_trains_are_chosen(desk: Desk) -> None:
    _, proposal = proposed(desk.world)
    page = desk.login("rev").get(f"/proposals/{proposal.id}").text
    assert _chosen(page) == ["low-risk"]
    assert "not the study" not in page


def test_where_nothing_covers_the_study_nothing_is_chosen_and_the_page_says_why(
    desk: Desk,
) -> None:
    _, proposal = proposed(desk.world, risk="high")
    browser = desk.login("rev")
    page = browser.get(f"/proposals/{proposal.id}").text
    assert _chosen(page) == []
    assert 'name="sentence"' not in page
    assert "a rule for low-risk trains lets none of them start" in page
    # Who chooses low-risk trains all the same is shown what that is.
    words = browser.post(f"/decisions/{proposal.id}/words", 200, scope="low-risk").text
    assert "Risk: at most low." in words


def test_of_a_held_train_the_train_is_chosen_and_no_rule_that_would_not_let_it_start(
    desk: Desk,
) -> None:
    notebook = notebook_of(desk.world)
    signed, _ = proposed(desk.world, risk="mid", notebooks=(notebook,))
    offer = desk.world.offer(desk.world.train(UNCOUNTED), proposal=signed.digest)
    desk.world.begun(offer, steps=3)
    stop = desk.world.stop(offer)
    assert stop.read(stop_files.HELD).risk == "mid"
    page = desk.login("rev").get(f"/decisions/{stop.hex}").text
    assert _chosen(page) == ["train"]
    assert 'value="low-risk"' not in page


def test_what_a_run_can_tell_is_shown_in_bits_before_the_yes(desk: Desk) -> None:
    offer = desk.world.offer(desk.world.train(UNCOUNTED))
    desk.world.begun(offer, steps=3)
    stop = desk.world.stop(offer)
    page = desk.login("rev").get(f"/decisions/{stop.hex}").text
    assert "<strong>90 bits</strong>" in page
    for part in ("progress: 0", "how long it ran: 22", "how it ended: 6", "an error: 62"):
        assert part in page
    policy = desk.world.folder.policy
    policy.write_text('mode = "human"\nprogress = "cells"\n')
    page = desk.login("rev").get(f"/decisions/{stop.hex}").text
    assert "progress: 22,000" in page


def test_an_approval_that_is_void_is_shown_as_void_and_is_asked_for_again(desk: Desk) -> None:
    world = desk.world
    _, proposal = proposed(world)
    decisions.approve(desk.console.station, proposal.id, by="olga")
    world.daemon().step()
    _believe(world, _rotated(world))
    page = desk.login("rev").get("/approvals").text
    assert "✓ active" not in page
    assert page.count("✗ void") == len(list(Approvals(world.folder)))
    assert "approve again" in page
    assert "waits for this station" in page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def _login(desk: Desk, page: Page) -> None:
    page.goto(f"{desk.home}/login?link={desk.link('all')}")
    page.get_by_role("button", name="Log in").click()


def _own_train_starts(world: World, proposal: str) -> bool:
    offer = world.offer(world.train(UNCOUNTED), proposal=proposal)
    run(world.begun(offer, steps=3))
    return world.stop(offer).has(Marker.ADMITTED)


@pytest.mark.browser
def test_a_reviewer_says_yes_to_what_is_chosen_and_the_study_s_train_starts(
    desk: Desk, browser: Browser
) -> None:
    world = desk.world
    notebook = notebook_of(world)
    signed, _ = proposed(
        world,
        title="Mean age of the ill",
        risk="mid",
        reasons=("'mean' is a number that does not say of how many persons it is.",),
        notebooks=(notebook,),
    )
    with watched_page(browser) as (page, watch):
        _login(desk, page)
        page.get_by_role("link", name="Review: Mean age of the ill").click()
        expect(page.get_by_role("radio", name="One notebook")).to_be_checked()
        expect(page.get_by_role("radio", name="Low-risk trains")).not_to_be_checked()
        expect(page.locator(".sentence")).to_contain_text(f"with the notebook {notebook}")
        expect(page.get_by_text("each run can disclose at most")).to_be_visible()
        page.get_by_role("heading", name="Decide").scroll_into_view_if_needed()
        page.get_by_role("button", name="Approve").scroll_into_view_if_needed()
        picture(page, "11-approval-of-a-study")
        page.get_by_role("button", name="Approve").click()
        expect(page.get_by_text("You approved")).to_be_visible()
        world.daemon().step()
        assert _own_train_starts(world, signed.digest)
        page.get_by_role("navigation").get_by_role("link", name="Approvals").click()
        expect(page.get_by_text("✓ active").first).to_be_visible()
        # The station's keys are rotated: at once nothing of it is called active.
        _believe(world, _rotated(world))
        page.reload()
        expect(page.get_by_text("✓ active")).to_have_count(0)
        expect(page.get_by_text("✗ void").first).to_be_visible()
        picture(page, "12-void-approvals")
        watch.require_nothing()
