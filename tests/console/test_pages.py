"""What each page shows, and what it says where there is nothing."""

from __future__ import annotations

from phtlab.station.policy.policy import default_policy
from tests.console.conftest import Desk


def test_an_empty_inbox_explains_itself(desk: Desk) -> None:
    page = desk.login("rea").get("/").text
    assert "Nothing waits for you." in page


def test_a_train_that_is_held_is_in_the_inbox_with_its_risk_and_one_button(desk: Desk) -> None:
    desk.world.folder.policy.write_text(default_policy("human"))
    offer = desk.world.offer()
    desk.world.begun(offer, steps=2)
    page = desk.login("rev").get("/").text
    assert f'href="/review/{offer.journey[7:]}"' in page
    assert "mid risk" in page  # its kernel image is new here
    assert "needs a reviewer" in desk.login("rea").get("/").text


def test_a_journey_shows_what_happened_when(desk: Desk) -> None:
    offer = desk.world.offer()
    desk.world.travel(offer)
    browser = desk.login("rel")
    assert f'href="/journeys/{offer.journey[7:]}"' in browser.get("/journeys").text
    page = browser.get(f"/journeys/{offer.journey[7:]}").text
    assert "reported to central" in page
    assert "printed by the run" in browser.get(f"/journeys/{offer.journey[7:]}/log").text
