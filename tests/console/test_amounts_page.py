"""The page of what left: for whom, of which data set, how much of the policy's limits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from phtlab.station.airlock.history import monthly_amount
from phtlab.station.airlock.history.monthly_amount import (
    ReleasedAmount,
)
from phtlab.station.data.datasets import remove_dataset
from phtlab.station.policy.month_limits import (
    Amount,
)
from phtlab.station.policy.policy import default_policy
from tests.console.conftest import Desk, desk_of
from tests.station.station_world import World, make_world
from tests.story.pictures import picture
from tests.ui.chromium import chromium, watched_page

MONTH = '\n[month]\nrows = 5000\nsize = "2 MiB"\nvalues = 0.5\n'


def _left(
    world: World, stop: str, researcher: str, rows: int, size: int, at: datetime, values: int = 0
) -> None:
    much = Amount(outputs=2, rows=rows, size=size, numbers=4 * rows)
    of_outputs = {stop: values} if values else {}
    left = ReleasedAmount(
        researcher=researcher, datasets=("heart",), amount=much, values=of_outputs
    )
    monthly_amount.note(world.folder.released, stop * 8, at, left)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    world = make_world(tmp_path)
    world.add_hearts()
    world.folder.policy.write_text(default_policy("auto") + MONTH)
    with desk_of(world) as desk:
        yield desk


def _filled(world: World) -> None:
    now = world.now()
    _left(world, "a", "ada", 310, 48_200, now, values=12)
    _left(world, "b", "ada", 1240, 190_000, now, values=6)
    _left(world, "c", "bob", 5200, 900_000, now)
    _left(world, "d", "ada", 80, 9_000, now.replace(day=1) - timedelta(days=3))


def test_a_month_in_which_nothing_left_says_so_and_what_the_limits_are(desk: Desk) -> None:
    page = desk.login("rea").get("/amounts").text
    assert f"Nothing left in {desk.world.now().astimezone(UTC):%Y-%m}." in page
    assert "5,000 rows" in page
    assert "2 MiB" in page


def test_what_left_stands_in_numbers_beside_its_bar(desk: Desk) -> None:
    _filled(desk.world)
    page = desk.login("rea").get("/amounts").text
    rows = re.findall(r"<tr>\s*<th scope=\"row\">.*?</tr>", page, re.S)
    bob, ada = rows
    assert "limit reached" in bob
    assert "waits for a person" in bob
    assert 'max="5000"' in ada
    assert 'value="1550"' in ada
    assert "1,550 <small>of 5,000, 31 %" in ada
    # 56 patients, rounded up to 100 rows, of which half as many values leave.
    assert "18 <small>of 50, 36 %" in ada
    assert "leaves by the rules" in ada
    assert "limit reached" not in ada


def test_who_has_all_values_of_the_month_may_still_count(desk: Desk) -> None:
    _left(desk.world, "a", "ada", 310, 48_200, desk.world.now(), values=50)
    page = desk.login("rea").get("/amounts").text
    assert "50 <small>of 50, 100 %" in page
    assert "counts leave, values wait for a person" in page


def test_values_of_a_data_set_that_is_gone_have_no_limit(desk: Desk) -> None:
    _left(desk.world, "a", "ada", 310, 48_200, desk.world.now(), values=51)
    remove_dataset(desk.world.folder, "heart")
    page = desk.login("rea").get("/amounts").text
    assert "<td>51</td>" in page
    assert "leaves by the rules" in page


def test_an_earlier_month_is_shown_as_over(desk: Desk) -> None:
    _filled(desk.world)
    before = desk.world.now().replace(day=1) - timedelta(days=3)
    page = desk.login("rea").get(f"/amounts?month={before:%Y-%m}").text
    assert "over</span>" in page
    assert "waits for a person</span>" not in page


def test_another_form_of_a_month_is_refused(desk: Desk) -> None:
    assert desk.login("rea").get("/amounts?month=2026-99", 409).text.count("no month") == 1


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True])
def test_what_left_in_a_browser_is_told_without_colour(
    desk: Desk, browser: Browser, dark: bool
) -> None:
    _filled(desk.world)
    with watched_page(browser, dark=dark) as (page, watch):
        page.goto(f"{desk.home}/login?link={desk.link('rea')}")
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("navigation").get_by_role("link", name="What left").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("What left in")
        # The bar is read as a number too, and its words say the same.
        bar = page.get_by_role("meter", name="Rows for ada of heart")
        expect(bar).to_have_js_property("value", 1550)
        expect(bar).to_have_js_property("max", 5000)
        expect(page.get_by_role("row", name="bob")).to_contain_text("limit reached")
        expect(page.get_by_role("row", name="bob")).to_contain_text("‖ waits for a person")
        picture(page, "dark-4-what-left" if dark else "10-what-left")
        page.get_by_label("Month").select_option(index=1)
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_role("row", name="ada")).to_contain_text("over")
        watch.require_nothing()
