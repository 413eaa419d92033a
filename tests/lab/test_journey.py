"""A journey in the researcher's hands: central tells how it goes, not which one it is."""

from rich.console import Console

from phtlab.errors import RecordError
from phtlab.lab.client.journey import Journey
from phtlab.lab.display.journey_html import journey_html
from phtlab.lab.display.journey_text import describe
from phtlab.lab.display.progress import route_table
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
