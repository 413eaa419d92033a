"""How many clicks a review takes, from the inbox, in a real browser: docs/reading-a-train.md.

The picture is that page's: `PHTLAB_PICTURES=docs/images/console` writes it anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

from phtlab.station.policy.policy import default_policy
from phtlab.station.stops.stop import Stop
from phtlab.train.documents.materials import Materials
from tests.console.conftest import Desk, desk_of
from tests.station.review.approved_train import said_yes
from tests.station.review.test_train_review import with_materials
from tests.station.station_world import COUNTS, FakeRun, make_world
from tests.story.pictures import picture
from tests.ui.chromium import chromium, watched_page

pytestmark = pytest.mark.browser

PACKAGES = ("annotated-types", "matplotlib", "numpy", "pandas", "scikit-learn", "scipy")
PAGE = Path(__file__).parents[3] / "docs" / "reading-a-train.md"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A station at which the kernel image is known: a train ran there by a rule."""
    with desk_of(make_world(tmp_path)) as desk:
        desk.world.add_hearts()
        desk.world.travel()
        desk.world.folder.policy.write_text(default_policy("human"))
        yield desk


@dataclass
class Hand:
    """A person's hand on the mouse, which counts."""

    page: Page
    clicks: int = 0

    def click(self, what: Locator) -> None:
        what.click()
        self.clicks += 1

    def button(self, name: str) -> None:
        self.click(self.page.get_by_role("button", name=name, exact=True))

    def open(self) -> None:
        self.click(self.page.get_by_role("link", name=re.compile("^Review")))

    def link(self, name: str) -> None:
        self.click(self.page.get_by_role("link", name=name, exact=True))


def said(review: str) -> int:
    """What the documentation says about `review`."""
    rows = re.findall(r"^\| (.+?) \| (\d+) \|$", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    return int(dict(rows)[review])


def waiting(desk: Desk, source: str = COUNTS) -> Stop:
    offer = desk.world.offer(desk.world.train(source))
    desk.world.begun(offer, steps=4)
    stop = desk.world.stop(offer)
    assert stop.state == "held"
    return stop


def decided(desk: Desk, stop: Stop) -> str:
    """What the daemon made of the word."""
    desk.world.scripted.script = FakeRun(lasts=True)
    daemon = desk.world.daemon()
    for _ in range(4):
        daemon.step()
    return stop.state


@pytest.fixture
def hand(desk: Desk, browser: Browser) -> Iterator[Hand]:
    with watched_page(browser) as (page, watch):
        page.goto(f"{desk.home}/login?link={desk.link('rev')}")
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("heading", name="Inbox").wait_for()
        yield Hand(page)
        watch.require_nothing()


def test_within_a_rule_nobody_clicks(desk: Desk) -> None:
    desk.world.folder.policy.write_text(default_policy("auto"))
    offer = desk.world.offer()
    desk.world.scripted.script = FakeRun(lasts=True)
    desk.world.begun(offer, steps=5)
    assert desk.world.stop(offer).state == "running"
    assert said("low risk, within a rule") == 0


def test_a_held_train_of_low_risk_is_read_and_approved(desk: Desk, hand: Hand) -> None:
    stop = waiting(desk)
    hand.open()
    page = hand.page
    page.get_by_text("low risk").wait_for()
    frame = page.frame_locator("iframe")
    frame.get_by_text("old = heart[heart.age >= min_age]").wait_for()
    found = page.locator(".found")
    assert "heart: age, sex" in found.inner_text()
    sentence = page.locator("#words").inner_text()
    assert "cleveland allows the train" in sentence
    hand.button("Approve")
    page.get_by_text("You approved").wait_for()
    assert decided(desk, stop) == "running"
    assert hand.clicks == said("low risk, held: read and approve")


def test_the_whole_notebook_is_one_click_more(desk: Desk, hand: Hand) -> None:
    with_materials(desk.world, Materials(language=dict.fromkeys(PACKAGES, "1.0")))
    said_yes(desk.world, waiting(desk, f"import pandas as pd\n{COUNTS}"))
    waiting(desk, f"import os\nimport pandas as pd\n{COUNTS.replace('>= min_age', '> min_age')}")
    hand.open()
    frame = hand.page.frame_locator("iframe")
    frame.get_by_text("heart.age > min_age").wait_for()
    picture(hand.page, "review-changes")
    assert frame.get_by_text("min_age: Annotated").count() == 0, "only what changed"
    hand.link("The notebook")
    frame.get_by_text("min_age: Annotated").wait_for()
    hand.button("Approve")
    hand.page.get_by_text("You approved").wait_for()
    assert hand.clicks == said("held: read the whole notebook, not only what changed, and approve")


def test_narrower_bounds_are_two_clicks_more(desk: Desk, hand: Hand) -> None:
    waiting(desk)
    hand.open()
    hand.click(hand.page.get_by_text("Narrower: bounds"))
    bound = hand.page.get_by_label(re.compile("^min_age"))
    hand.click(bound)
    bound.press_sequentially("40..60")
    hand.page.locator("#words").get_by_text("min_age 40 to 60").wait_for()
    hand.button("Approve")
    hand.page.get_by_text("You approved").wait_for()
    assert hand.clicks == said("held: approve within narrower bounds")


def test_a_refusal_has_a_reason(desk: Desk, hand: Hand) -> None:
    stop = waiting(desk)
    hand.open()
    reason = hand.page.get_by_label(re.compile("refuse"))
    hand.click(reason)
    reason.press_sequentially("The question is another one.")
    hand.button("Refuse")
    hand.page.get_by_text("You refused it").wait_for()
    assert decided(desk, stop) == "refused"
    assert hand.clicks == said("held: refuse with a reason")


def test_of_two_persons_each_reads_and_says_yes(desk: Desk, hand: Hand, browser: Browser) -> None:
    rule = '[approval]\ntwo_persons = ["mid", "high"]\n'
    desk.world.folder.policy.write_text(f'mode = "human"\n{rule}')
    risky = COUNTS + 'phtlab.publish("rows", counts)\n'
    stop = waiting(desk, risky)
    hand.open()
    hand.page.get_by_text("high risk").wait_for()
    hand.button("Record your approval")
    hand.page.get_by_text("You approved").wait_for()
    assert stop.state == "held"
    with watched_page(browser) as (page, _):
        page.goto(f"{desk.home}/login?link={desk.link('all')}")
        page.get_by_role("button", name="Log in").click()
        second = Hand(page)
        second.open()
        second.button("Approve")
        page.get_by_text("You approved").wait_for()
    assert decided(desk, stop) == "running"
    assert hand.clicks == second.clicks == said("mid or high risk, two persons: each")
