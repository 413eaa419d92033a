"""A journey in the researcher's hands: central tells how it goes, not which one it is."""

from typing import Any

import pytest
from rich.console import Console

from phtlab.errors import RecordError
from phtlab.lab.client.journey import Journey
from phtlab.lab.display.journey_html import journey_html
from phtlab.lab.display.journey_text import describe
from phtlab.lab.display.progress import route_table
from phtlab.lab.display.route_map import route_map, summary
from phtlab.train.documents.order import Continuation
from phtlab.wire.api.journeys import JourneyView
from tests.lab.page import Page
from tests.lab.told_journey import Central, Session, view
from tests.raising import raises_code


def test_central_cannot_put_another_journey_in_its_place():
    """Both are ordered and signed by the same researcher: each would verify by itself."""
    asked, other = view(40), view(60)
    for answer in (other, asked.model_copy(update={"order": other.order})):
        journey = Journey(Session(Central(answer)), asked)
        for ask in (journey.refresh, journey.cancel):
            with raises_code(RecordError, "record"):
                ask()
        assert journey.id == asked.id


def test_a_journey_that_was_just_signed_is_that_one():
    sent, other = view(40), view(60)
    assert Journey(Session(Central(sent)), sent, journey=sent.id).refresh().id == sent.id
    with raises_code(RecordError, "record"):
        Journey(Session(Central(other)), other, journey=sent.id)


HOSTILE = "\x1b[2J\x9b31m[bold]yes[/]\n  2. ulm: departed <script>\u202e"


def test_what_others_say_of_a_stop_moves_no_cursor_and_starts_no_line():
    told = view(state="failed", sentence=HOSTILE, code="cell-failed")
    text = describe(told.stops[0])
    assert text.isprintable()
    assert text == ("failed: \\x1b[2J\\x9b31m[bold]yes[/]\\n  2. ulm: departed <script>\\u202e")
    named = told.model_copy(update={"train_name": HOSTILE})
    assert len(repr(Journey(Session(Central(named)), named)).splitlines()) == 2
    assert "<script>" not in journey_html(named)


def test_what_others_say_of_a_stop_is_no_markup_on_a_terminal():
    console = Console(width=200, force_terminal=True, color_system=None)
    with console.capture() as shown:
        console.print(route_table(view(sentence="[red]no[/] [link=https://x]y[/link] [/]")))
    assert "running: [red]no[/] [link=https://x]y[/link] [/]" in shown.get()


CHAIN = ("cleveland", "hungary", "ulm")


def in_states(*states: str, **changes: Any) -> JourneyView:
    told = view(stations=CHAIN, route="sequential", **changes)
    stops = [
        stop.model_copy(update={"state": state})
        for stop, state in zip(told.stops, states, strict=True)
    ]
    return told.model_copy(update={"stops": tuple(stops)})


def test_a_sequential_route_is_a_chain_and_says_whose_turn_it_is():
    told = in_states("departed", "held", "offered")
    lines = repr(Journey(Session(Central(told)), told)).splitlines()
    assert lines[0].endswith(": cleveland → hungary → ulm")
    assert lines[1:] == [
        "  1. cleveland: departed",
        "  2. hungary: held",
        "  3. ulm: waits for hungary",
    ]
    page = Page(journey_html(told))
    assert "→ hungary" in page.text
    assert "waits for hungary" in page.text
    assert summary(in_states("offered", "offered", "offered")) == "waits for cleveland"
    assert summary(in_states("departed", "offered", "offered")) == "1 of 3 ended, waits for hungary"


def test_a_parallel_route_waits_for_nobody():
    told = view(stations=CHAIN, state="offered")
    shown = repr(Journey(Session(Central(told)), told)) + journey_html(told)
    assert "waits for" not in shown
    assert "→" not in shown


CONTINUES = Continuation(journey="sha256:" + 64 * "b", record="sha256:" + 64 * "c")


@pytest.mark.parametrize(
    ("told", "resumable"),
    [
        (in_states("departed", "failed", "cancelled"), True),
        (in_states("departed", "refused", "cancelled"), True),
        (in_states("departed", "departed", "departed"), False),
        (in_states("departed", "running", "offered"), False),
        (in_states("failed", "cancelled", "cancelled"), False),
        (in_states("failed", "cancelled", "cancelled", continues=CONTINUES), True),
        (view(stations=CHAIN, state="failed"), False),
    ],
)
def test_a_journey_is_resumable_once_it_ended_after_a_departed_stop(told, resumable):
    journey = Journey(Session(Central(told)), told)
    assert journey.resumable is resumable
    assert ("lab.resume(journey)" in repr(journey)) is resumable
    assert ("lab.resume(journey)" in journey_html(told)) is resumable
    assert route_map(told).resumable is resumable


def test_a_continued_journey_names_the_one_that_continues_it():
    told = in_states("departed", "failed", "cancelled")
    told = told.model_copy(update={"continued_by": "sha256:" + 64 * "d"})
    journey = Journey(Session(Central(told)), told)
    assert not journey.resumable
    assert repr(journey).splitlines()[-1] == f"Journey {12 * 'd'} continues it."
    assert f"Journey {12 * 'd'} continues it." in journey_html(told)


def test_a_journey_whose_results_were_removed_is_not_resumable():
    told = in_states("departed", "failed", "cancelled")
    removed = told.model_copy(update={"removed": told.submitted})
    assert not route_map(removed).resumable
