"""Held outputs and logs at the console: looked at, released, in part, or kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from phtlab.station.console.routes import journeys as journeys_routes
from phtlab.station.console.routes import outputs as outputs_routes
from phtlab.station.release import held_outputs
from phtlab.station.release.run_log import view_log
from phtlab.station.stops.stop import Stop
from tests.console.conftest import Desk, desk_of
from tests.station.release.held_world import change_release, held, holding_world


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A station whose airlock asks a person about small counts."""
    with desk_of(holding_world(tmp_path)) as desk:
        yield desk


def _finish(desk: Desk, stop: Stop) -> None:
    daemon = desk.world.daemon()
    for _ in range(20):
        daemon.step()
    assert stop.is_reported, stop.state


def test_the_output_and_why_it_is_held_are_side_by_side_and_the_look_is_logged(desk: Desk) -> None:
    _, stop = held(desk.world)
    browser = desk.login("rel")
    assert f'href="/outputs/{stop.hex}/wards"' in browser.get("/").text
    page = browser.get(f"/outputs/{stop.hex}/wards").text
    assert "It has rows with a count below 10." in page
    assert "ward=C, n=3" in page
    assert 'value="3:n"' in page
    entry = list(desk.console.station.audit.entries())[-1]
    assert (entry.actor, entry.action) == ("rel", "output-looked-at")


def test_released_in_part_only_the_rest_leaves(desk: Desk) -> None:
    offer, stop = held(desk.world)
    browser = desk.login("rel")
    browser.get(f"/outputs/{stop.hex}/wards")
    browser.post(f"/outputs/{stop.hex}/wards", choice="part", row="3", reason="C is one family")
    _finish(desk, stop)
    (wards,) = [one for one in desk.world.record(offer).outputs if one.name == "wards"]
    assert (wards.verdict, wards.suppressed_rows) == ("suppressed", 1)
    assert "rel" not in wards.sentence.split()
    assert "family" not in wards.sentence


def test_released_whole_or_kept(desk: Desk) -> None:
    offer, stop = held(desk.world)
    browser = desk.login("rel")
    browser.post(f"/outputs/{stop.hex}/wards", choice="refuse", reason="Too small")
    assert "is withheld" in browser.get("/").text
    _finish(desk, stop)
    (wards,) = [one for one in desk.world.record(offer).outputs if one.name == "wards"]
    assert wards.verdict == "refused"


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"choice": "part"}, "Mark what is to be taken out"),
        ({"choice": "part", "row": "9"}, "There is no row 9"),
        ({"choice": "part", "row": "x"}, "named by its number"),
        ({"choice": "part", "cell": "1:nothing"}, "There is no column"),
        ({"choice": "release", "reason": ""}, "Give the reason"),
        ({"choice": "all"}, "Say what becomes of the output"),
        ({}, "Say what becomes of the output"),
    ],
)
def test_a_word_that_cannot_be_is_said_so_and_nothing_leaves(
    desk: Desk, form: dict[str, str], told: str
) -> None:
    _, stop = held(desk.world)
    browser = desk.login("rel")
    answer = browser.post(f"/outputs/{stop.hex}/wards", 409, **{"reason": "Because", **form})
    assert told in answer.text
    assert stop.state == "held"


def test_of_two_persons_both_must_say_the_same(tmp_path: Path) -> None:
    world = holding_world(tmp_path)
    change_release(world, 'two_persons = ["low", "mid", "high"]')
    with desk_of(world) as desk:
        _, stop = held(desk.world)
        first, path = desk.login("rel"), f"/outputs/{stop.hex}/wards"
        first.get(path)
        first.post(path, choice="release", reason="All is well")
        assert "Another person has to agree" in first.get("/").text
        assert "now it is another person's turn" in first.get(path).text
        first.post(path, 409, choice="release", reason="Again")
        second = desk.login("all")
        assert "has not seen all" in second.post(path, 409, choice="release", reason="Blind").text
        second.get(path)
        second.post(path, choice="release", reason="I looked too")
        _finish(desk, stop)


def test_of_a_table_that_is_not_shown_whole_no_release_is_offered(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs_routes, "_MOST_ROWS", 2)
    _, stop = held(desk.world)
    browser, path = desk.login("rel"), f"/outputs/{stop.hex}/wards"
    page = browser.get(path).text
    command = f"phtlab station output show {stop.hex[:12]} wards --by rel"
    assert command in page
    assert 'value="release"' not in page
    assert 'value="part"' not in page
    answer = browser.post(path, 409, choice="release", reason="The first two are well")
    assert (command in answer.text, "output-unseen" in answer.text) == (True, True)
    held_outputs.view_output(desk.console.station, stop, "wards", by="rel")  # as the command does
    assert 'value="release"' in browser.get(path).text


def test_a_log_that_is_not_shown_whole_is_not_let_go(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journeys_routes, "_MOST_LOG", 20)
    _, stop = held(desk.world)
    browser, path = desk.login("rel"), f"/journeys/{stop.hex}/log"
    page = browser.get(path).text
    assert f"phtlab station log {stop.hex[:12]} --by rel" in page
    assert "Release the log" not in page
    answer = browser.post(path, 409, reason="Its beginning is clean")
    assert "log-unseen" in answer.text
    view_log(desk.console.station, stop, by="rel")
    assert "Release the log" in browser.get(path).text


def test_a_log_is_let_go_by_who_read_it(desk: Desk) -> None:
    _, stop = held(desk.world)
    browser = desk.login("rel")
    browser.post(f"/journeys/{stop.hex}/log", 409, reason="Unread")
    assert "printed by the run" in browser.get(f"/journeys/{stop.hex}/log").text
    browser.post(f"/journeys/{stop.hex}/log", reason="It holds no data")
    actions = [entry.action for entry in desk.console.station.audit.entries()]
    assert actions[-2:] == ["log-looked-at", "log-released"]
