"""The policy at the console: what a text would have done, and putting it in force."""

from __future__ import annotations

import html

import pytest

from phtlab.errors import PolicyError, StationError
from phtlab.station.pipeline import policy_trial
from phtlab.station.pipeline.policy_trial import current_text, named, put_in_force, try_policy
from phtlab.station.policy.policy import default_policy
from tests.console.conftest import Desk

REFUSING = default_policy("auto").replace('researchers = ["*"]', 'researchers = ["bert"]')


@pytest.fixture(autouse=True)
def _one_came(desk: Desk) -> None:
    """A journey of ada's came while everything started by itself."""
    if not list(desk.world.station().stops):
        desk.world.begun(desk.world.offer(), steps=2)


def test_a_text_is_tried_on_the_journeys_that_came(desk: Desk) -> None:
    station = desk.console.station
    assert not try_policy(station, default_policy("auto")).changed
    (held,) = try_policy(station, default_policy("human")).changed
    assert (held.before and held.before.verdict, held.after.verdict) == ("admit", "hold")
    (refused,) = try_policy(station, REFUSING).changed
    assert (refused.name, refused.after.code) == ("heart", "researcher-not-allowed")
    assert current_text(station) == default_policy("auto"), "nothing was written"


def test_with_a_broken_policy_in_force_a_text_is_tried_all_the_same(desk: Desk) -> None:
    desk.world.folder.policy.write_text("mode =")
    (one,) = try_policy(desk.console.station, default_policy("human")).journeys
    assert (one.before, one.after.verdict, one.changes) == (None, "hold", False)


def test_only_the_newest_journeys_are_looked_at(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_trial, "MOST", 0)
    found = try_policy(desk.console.station, default_policy("human"))
    assert (found.journeys, found.left_out) == ((), 1)


def test_the_page_says_as_it_is_typed_what_would_have_happened(desk: Desk) -> None:
    browser = desk.login("adm")
    told = browser.post("/policy/trial", 200, text=default_policy("human")).text
    assert "1 of 1 past journeys would have gone otherwise" in told
    assert "waits for a person" in told
    told = html.unescape(browser.post("/policy/trial", 200, text='mode = "maybe"').text)
    assert "'mode' is wrong" in told
    told = browser.post("/policy/trial", 200, text=default_policy("auto")).text
    assert "This is the policy in force." in told


def test_the_page_says_what_the_airlock_would_have_kept(desk: Desk) -> None:
    daemon = desk.world.daemon()
    for _ in range(20):
        daemon.step()
    browser = desk.login("adm")
    text = default_policy("auto").replace("minimum_count = 10", "minimum_count = 26")
    told = html.unescape(browser.post("/policy/trial", 200, text=text).text)
    assert "1 of 1 past journeys would have gone otherwise" in told
    assert "counts: 1 row stays (small-count)" in told
    assert "The airlock was tried on the counts of 1 output that left." in told
    assert "this is not known" not in told
    assert "starts by itself →" not in told


def test_a_change_counts_for_the_next_order_and_is_in_the_log(desk: Desk) -> None:
    browser, station = desk.login("adm"), desk.console.station
    instead_of = named(current_text(station))
    text = default_policy("human").replace("\n", "\r\n")  # as browsers send it
    browser.post("/policy", text=text, instead_of=instead_of)
    assert station.policy().mode == "human"
    entry = list(station.audit.entries())[-1]
    assert (entry.actor, entry.action) == ("adm", "policy-changed")
    assert entry.digest == named(current_text(station))
    assert "The policy is changed" in browser.get("/policy").text
    assert "The policy is changed" not in browser.get("/policy").text, "said once"


def test_nobody_overwrites_what_another_put_in_force_meanwhile(desk: Desk) -> None:
    station = desk.console.station
    seen = named(current_text(station))
    put_in_force(station, default_policy("human"), by="adm", instead_of=seen)
    with pytest.raises(StationError) as refused:
        put_in_force(station, REFUSING, by="zoe", instead_of=seen)
    assert refused.value.code == "policy-changed"
    assert station.policy().mode == "human"


@pytest.mark.parametrize("text", ["mode =", "x = 1", "[limits]\nmemory = -1", "a=[" + "[" * 5000])
def test_what_is_no_policy_is_not_put_in_force(desk: Desk, text: str) -> None:
    station = desk.console.station
    before = current_text(station)
    with pytest.raises(PolicyError):
        put_in_force(station, text, by="adm", instead_of=named(before))
    assert current_text(station) == before


def test_a_broken_policy_is_said_on_its_page_and_in_the_inbox_and_can_be_mended(
    desk: Desk,
) -> None:
    desk.world.folder.policy.write_text("mode =")
    browser = desk.login("all")
    assert "not valid TOML" in browser.get("/policy").text
    station = desk.console.station
    browser.post("/policy", text=default_policy("auto"), instead_of=named(current_text(station)))
    assert station.policy().mode == "auto"
