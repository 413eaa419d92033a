"""A person at the console, in a real browser: from the inbox to a yes, and to a release in part.

The pictures are those of docs/console.md: `PHTLAB_PICTURES=docs/images/console` writes them anew.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from phtlab.consortium.enrolment import request_membership
from phtlab.station.context.self_test_result import keep_report, report_of
from phtlab.station.daemon.loop import Daemon
from phtlab.station.executor.contract import CheckResult
from tests.console.conftest import Desk, desk_of
from tests.station.approvals.test_approvals import proposed
from tests.station.release.held_world import TWO_TABLES, held, holding_world, tables
from tests.station.station_world import GOOD_COUNTS, FakeRun, World, identity
from tests.story.pictures import picture
from tests.ui.chromium import chromium, watched_page

pytestmark = pytest.mark.browser

QUESTION = """\
How does the number of patients with heart disease depend on age and sex?

Counts by ward and by sex are all that leaves; no row does."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@dataclass
class Seen:
    """A page at which somebody is logged in, and the station behind it, at work."""

    desk: Desk
    page: Page

    def go(self, name: str) -> None:
        self.page.get_by_role("navigation").get_by_role("link", name=name).click()
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()


def _filled(root: Path) -> World:
    """A station that has worked for some days, where a proposal, an output and a train wait."""
    world = holding_world(root)
    world.scripted.script = FakeRun(files=GOOD_COUNTS)
    world.ahead = timedelta(days=-3)
    world.travel(world.offer(world.train(name="ages_by_sex")))
    world.ahead = timedelta(hours=-2)
    world.scripted.script = FakeRun(files=tables())
    held(world, world.offer(world.train(TWO_TABLES, name="wards")))
    world.scripted.script = FakeRun(files=GOOD_COUNTS)
    world.ahead = timedelta(minutes=-40)
    proposed(
        world,
        title="Hearts by age and sex",
        question=QUESTION,
        legal_ground="Broad consent for research, section 3. Ethics vote 2026-117.",
    )
    world.ahead = timedelta(minutes=-3)
    policy = world.folder.policy.read_text().replace('mode = "auto"', 'mode = "human"')
    world.folder.policy.write_text(policy)
    world.begun(world.offer(world.train(name="heart_counts")), steps=3)
    world.ahead = timedelta(0)
    world.folder.request.write_bytes(
        request_membership(identity("cleveland"), "Clinic", ("station",)).to_bytes()
    )
    results = [
        CheckResult("policy", True, "New orders: human."),
        CheckResult("disk", True, "3.1 GiB are free, and a run may need 2.4 GiB.", "df -h", True),
        CheckResult("data set heart", True, "As declared."),
        CheckResult("container engine", True, "Answers, and holds every limit."),
        CheckResult(
            "registry",
            False,
            "The registry at 127.0.0.1:5000 refuses this station's token.",
            "Ask central's operator: its token key is not the one that the registry knows.",
        ),
        CheckResult("audit log", True, "14 entries, each of which follows the one before."),
    ]
    keep_report(world.folder, report_of(world.settings, results, world.now()))
    return world


@pytest.fixture(params=["light", "dark"])
def seen(request: pytest.FixtureRequest, tmp_path: Path, browser: Browser) -> Iterator[Seen]:
    world = _filled(tmp_path)
    until = threading.Event()
    with ExitStack() as stack:
        daemon = Daemon(world.station())
        at_work = threading.Thread(target=daemon.run, args=(until,))
        desk = stack.enter_context(desk_of(world))
        page, watch = stack.enter_context(watched_page(browser, dark=request.param == "dark"))
        at_work.start()
        stack.callback(at_work.join, 60)
        stack.callback(until.set)
        page.goto(f"{desk.home}/login?link={desk.link('all')}")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_text("● at work")).to_be_visible()
        yield Seen(desk, page)
        watch.require_nothing()


@pytest.mark.parametrize("seen", ["light"], indirect=True)
def test_from_the_inbox_to_a_yes_and_to_a_release_in_part(seen: Seen) -> None:
    page = seen.page
    expect(page.get_by_role("listitem")).to_have_count(3)
    picture(page, "01-inbox")

    # A train: two clicks from the inbox to the yes.
    page.get_by_role("link", name="Review: heart_counts").click()
    expect(page.get_by_role("heading", name="heart_counts")).to_be_visible()
    picture(page, "02-review")
    sentence = page.locator(".sentence").inner_text()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text(f"You approved: {sentence}")).to_be_visible()
    # The daemon signs, runs and sends it; the page follows by itself.
    expect(page.get_by_role("link", name="Review: heart_counts")).to_have_count(0)
    picture(page, "03-inbox-after")

    # An output: looked at, and released without the row that tells too much.
    page.get_by_role("link", name="Look: wards").click()
    page.get_by_role("checkbox", name="Take out row 3", exact=True).check()
    page.get_by_role("textbox", name="Why").fill("Ward C is one family; A and B are large.")
    picture(page, "04-held-output")
    page.get_by_role("button", name="Release without the marked cells").click()
    expect(page.get_by_text("'wards' may leave as you decided")).to_be_visible()
    expect(page.get_by_role("link", name="Look: wards")).to_have_count(0)

    # A proposal: asked about, then approved by a rule with a bound.
    page.get_by_role("link", name="Review: Hearts by age and sex").click()
    page.get_by_label("Ask the researcher").fill("Why does the study need ages below 40?")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_text("Why does the study need ages below 40?")).to_be_visible()
    page.get_by_text("Narrower: bounds, days, a note").click()
    page.get_by_label("min_age").fill("40..65")
    expect(page.locator(".sentence")).to_contain_text("min_age 40 to 65")
    page.get_by_role("button", name="Approve").scroll_into_view_if_needed()
    picture(page, "05-proposal")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()

    seen.go("Approvals")
    expect(page.get_by_text("✓ active").first).to_be_visible()
    picture(page, "06-approvals")
    seen.go("Journeys")
    expect(page.get_by_text("✓ departed")).to_have_count(3)
    picture(page, "07-journeys")
    seen.go("Audit")
    for action in ("output-looked-at", "output-released-in-part", "approval-signed"):
        expect(page.get_by_role("cell", name=action).first).to_be_visible()
    picture(page, "08-audit")


@pytest.mark.parametrize("seen", ["light"], indirect=True)
def test_the_policy_is_tried_as_it_is_typed(seen: Seen) -> None:
    page = seen.page
    seen.go("Policy")
    expect(page.get_by_text("This is the policy in force.")).to_be_visible()
    text = page.get_by_label("What this station allows")
    before = text.input_value()
    text.fill(before.replace('mode = "human"', "mode = 3"))
    expect(page.get_by_text("'mode' is wrong")).to_be_visible()
    text.fill(before.replace("minimum_count = 10", "minimum_count = 26"))
    expect(page.get_by_text("waits for a person (small-count)").first).to_be_visible()
    expect(page.get_by_text("The airlock was tried on the counts of")).to_be_visible()
    text.fill(before.replace('researchers = ["*"]', 'researchers = ["bert"]', 1))
    expect(page.get_by_text("past journeys would have gone otherwise")).to_be_visible()
    picture(page, "09-policy")
    page.get_by_role("button", name="Put in force").click()
    expect(page.get_by_text("The policy is changed.")).to_be_visible()


@pytest.mark.parametrize("seen", ["dark"], indirect=True)
def test_what_the_station_is_and_how_it_is_by_keyboard_alone(seen: Seen) -> None:
    page = seen.page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    picture(page, "dark-1-inbox")
    for name, shown, kept in (
        ("Data sets", "heart", None),
        ("Keys", "Fingerprint", None),
        ("Health", "refuses this station's token", "dark-2-health"),
    ):
        page.get_by_role("navigation").get_by_role("link", name=name).focus()
        page.keyboard.press("Enter")
        expect(page.locator("main").get_by_text(shown).first).to_be_visible()
        if kept:
            picture(page, kept)
    page.get_by_role("navigation").get_by_role("link", name="Data sets").click()
    page.get_by_role("link", name="heart", exact=True).click()
    expect(page.get_by_text("these persons do not exist")).to_be_visible()
    picture(page, "dark-3-data-set")
