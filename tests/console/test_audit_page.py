"""The audit log at the console: filters, and whether the chain holds."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from phtlab.station.console.views import audit
from phtlab.station.console.views.audit import Filters, audit_page
from phtlab.station.context.station_context import StationContext as StationDesk
from tests.console.conftest import Desk
from tests.station.station_world import make_world


@pytest.fixture
def place(tmp_path: Path) -> StationDesk:
    """A station with seven entries in its log."""
    world = make_world(tmp_path)
    place = StationDesk(world.folder, world.settings, world.now)
    for number in range(7):
        place.audit.append(
            actor="mia" if number % 2 else "cleveland",
            action="output-released" if number == 3 else "stop-offered",
            subject=f"sha256:{number:064x}",
            details={"reason": f"number {number}"},
        )
    return place


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        (Filters(), [7, 6, 5, 4, 3, 2, 1]),
        (Filters(actor="mia"), [6, 4, 2]),
        (Filters(actor="mia", action="output-released"), [4]),
        (Filters(about="NUMBER 5"), [6]),
        (Filters(about="sha256:00000"), [7, 6, 5, 4, 3, 2, 1]),
        (Filters(since=date(2200, 1, 1)), []),
        (Filters(until=date(2000, 1, 1)), []),
    ],
)
def test_filters_leave_what_fits_newest_first(
    place: StationDesk, filters: Filters, numbers: list[int]
) -> None:
    page = audit_page(place, filters)
    assert [entry.number for entry in page.found] == numbers
    assert (page.total, page.trouble) == (7, "")
    assert page.actors == ("cleveland", "mia")


def test_an_entry_that_was_changed_taken_out_or_moved_is_said_so(place: StationDesk) -> None:
    (path,) = place.folder.audit.glob("*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    for broken in (
        [*lines[:3], lines[3].replace(b"number 3", b"number 9"), *lines[4:]],
        [*lines[:3], *lines[4:]],
        [*lines[:2], lines[3], lines[2], *lines[4:]],
        [*lines[:3], b"no entry\n", *lines[4:]],
    ):
        path.write_bytes(b"".join(broken))
        assert audit_page(place, Filters()).trouble


def test_of_a_long_log_the_newest_are_looked_at(
    place: StationDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "MOST_ENTRIES", 4)
    monkeypatch.setattr(audit, "MOST", 3)
    page = audit_page(place, Filters())
    assert [entry.number for entry in page.found] == [7, 6, 5]
    assert (page.left_out, page.total, page.cut, page.trouble) == (1, 4, True, "")


def test_a_filter_that_is_none_is_said_so_and_an_empty_one_is_none(desk: Desk) -> None:
    browser = desk.login("rea")
    assert "console-login" in browser.get("/audit?actor=&action=&about=&since=&until=").text
    assert "None of the" in browser.get("/audit?about=nothing-of-the-kind").text
    assert "since" in browser.get("/audit?since=yesterday", 422).text
