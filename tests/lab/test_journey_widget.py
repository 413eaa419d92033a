"""The map of a journey in a notebook: live where someone looks, and what stays everywhere else."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jupyter_client
import nbformat
import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from phtlab.errors import CentralError, CentralUnreachableError
from phtlab.lab.aggregation.run import as_html
from phtlab.lab.client.journey import Journey
from phtlab.lab.display import journey_display, journey_follower, journey_widget
from phtlab.lab.display.journey_display import Faces, JourneyDisplay, Requests
from phtlab.lab.display.journey_follower import Followed
from phtlab.lab.display.journey_html import journey_html
from phtlab.lab.display.journey_widget import JourneyWidget
from phtlab.lab.display.route_map import MIME_TYPE, RouteMap, route_map
from phtlab.lab.display.stop_cost import duration, size
from phtlab.train.documents.record import CellError
from tests.lab.example_maps import EXAMPLES, examples
from tests.lab.page import VIEW_TYPE, Page
from tests.lab.told_journey import Central, recorded, told_journey, view

ROOT = Path(__file__).parents[2]
HOSTILE = "<img src=x onerror=alert(1)>\u202e\x1b[2J</script>"
PATIENCE = 30.0
# What of a journey needs no kernel.
KEPT = {MIME_TYPE, "text/html", "text/plain"}


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journey_follower, "PAUSES", (0.01, 0.01))


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody looks at the notebook."""
    monkeypatch.setattr(journey_display, "is_attached", lambda: True)


def until(widget: JourneyWidget, holds: Callable[[], bool]) -> None:
    """Wait until a change of the widget makes `holds` true."""
    changed = threading.Event()
    widget.observe(lambda _: changed.set())
    while not holds():
        assert changed.wait(PATIENCE), f"still {widget.connection}, {widget.route['summary']}"
        changed.clear()


def widget_of(journey: Journey) -> JourneyWidget:
    """The widget that `journey` is shown in."""
    assert VIEW_TYPE in journey._repr_mimebundle_()
    widget = journey._display._widget
    assert widget is not None
    return widget


@pytest.fixture
def on_its_way(watched: None) -> Iterator[tuple[JourneyWidget, Central]]:
    journey, central = told_journey("cleveland", "hungary", state="offered")
    widget = widget_of(journey)
    yield widget, central
    widget.close()
    central.told.put(None)
    widget.follower.join(PATIENCE)
    assert not widget.follower.alive


# What is shown


def test_a_stop_has_its_state_progress_and_time():
    told = view(state="running", cell=3, cells=5)
    began = {"cleveland": datetime(2026, 1, 1, tzinfo=UTC)}
    (stop,) = route_map(told, began, datetime(2026, 1, 1, 0, 0, 12, tzinfo=UTC)).stops
    assert (stop.state, stop.cell, stop.cells, stop.seconds) == ("running", 3, 5, 12.0)
    assert not stop.final


def test_a_departed_stop_tells_what_its_record_says_it_cost():
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    stop = recorded(view(), begin, begin + timedelta(seconds=0.84))
    told = view().model_copy(update={"stops": (stop,)})
    (shown,) = route_map(told).stops
    assert (shown.seconds, shown.size) == (0.84, 14_200)
    assert "departed, ran 0.8 s, sent 14 kB" in Page(journey_html(told)).text


def test_a_record_that_is_no_record_costs_nothing():
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    stop = recorded(view(), begin, begin)
    assert stop.record is not None
    broken = stop.model_copy(update={"record": stop.record.model_copy(update={"payload": "AAAA"})})
    (shown,) = route_map(view().model_copy(update={"stops": (broken,)})).stops
    assert (shown.seconds, shown.size) == (None, 0)


@pytest.mark.parametrize(
    ("states", "words"),
    [
        (("offered", "offered"), "on its way"),
        (("running", "offered"), "running at ulm"),
        (("running", "running"), "running at 2 stations"),
        (("departed", "held"), "1 of 2 ended, waiting for a person"),
        (("departed", "departed"), "all 2 departed"),
        (("departed", "failed"), "1 departed, 1 failed"),
        (("refused",), "refused"),
    ],
)
def test_a_journey_in_a_few_words(states, words):
    told = view(stations=("ulm", "jena")[: len(states)])
    stops = [s.model_copy(update={"state": x}) for s, x in zip(told.stops, states, strict=True)]
    assert route_map(told.model_copy(update={"stops": tuple(stops)})).summary == words


@pytest.mark.parametrize(
    ("states", "call"),
    [
        (("held", "running"), ""),
        (("departed", "held"), "phtlab.results(partial=True) opens"),
        (("failed", "held"), ""),
        (("departed", "departed"), "phtlab.results() opens"),
        (("failed", "refused"), ""),
    ],
)
def test_html_says_how_to_open_what_departed(states, call):
    told = view(stations=("ulm", "jena"))
    stops = [s.model_copy(update={"state": x}) for s, x in zip(told.stops, states, strict=True)]
    page = Page(journey_html(told.model_copy(update={"stops": tuple(stops)})))
    assert call in page.text
    assert ("phtlab.results" in page.text) is bool(call)


def test_a_state_is_never_told_by_colour_alone():
    states = ("offered", "held", "running", "departed", "failed", "cancelled")
    marks = {}
    for state in states:
        page = Page(journey_html(view(state=state)))
        (cell,) = [found for _, found in page.tags if "aria-hidden" in found]
        assert cell["aria-hidden"] == "true"
        marks[state] = page.cells[0]
        assert state in page.text
    assert len(set(marks.values())) == len(states)


def test_two_records_of_a_stop_are_an_alarm_in_html():
    page = Page(journey_html(view(state="departed", contradicted=True)))
    assert "cleveland signed two different records of this journey" in page.text
    assert page.cells[0] == "!"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.04, "0.0 s"), (59.4, "59 s"), (200, "3 min 20 s")]
)
def test_durations_as_people_read_them(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"), [(840, "840 bytes"), (14_200, "14 kB"), (2**21, "2.1 MB")]
)
def test_sizes_as_people_read_them(count, words):
    assert size(count) == words


def test_html_shows_what_others_wrote_as_text_of_bounded_length():
    error = CellError(type="KeyError", cell=4, line=2, message=HOSTILE)
    told = view(state="failed", sentence=HOSTILE * 3, error=error, name=HOSTILE + 10_000 * "x")
    page = Page(journey_html(told))
    known = {"div", "b", "bdi", "span", "code", "p", "table", "tr", "th", "td", "br"}
    assert {tag for tag, _ in page.tags} <= known
    assert not any(name.startswith("on") for _, found in page.tags for name in found)
    assert "<img src=x onerror=alert(1)>\\u202e\\x1b[2J</script>" in page.text
    assert "KeyError" in page.text
    assert "cell 4, line 2" in page.text
    assert max(map(len, page.text.split())) < 700


def test_html_is_a_table_that_fetches_nothing():
    page = Page(journey_html(view(stations=("ulm", "jena"), state="departed")))
    assert not any(name in ("src", "href") for _, found in page.tags for name in found)
    heads = [found for tag, found in page.tags if tag == "th"]
    assert [head["scope"] for head in heads] == ["row", "row"]


def test_a_map_is_json_with_text_that_is_printable_and_of_bounded_length():
    error = CellError(type="KeyError", cell=4, line=2, message=HOSTILE)
    told = view(state="failed", sentence=HOSTILE * 100, error=error, name=HOSTILE + 10_000 * "x")
    value = route_map(told).json_value()
    assert RouteMap.model_validate_json(json.dumps(value)) == route_map(told)
    assert "\u202e" not in json.dumps(value, ensure_ascii=False)
    assert len(json.dumps(value)) < 3000


def test_the_examples_of_maps_that_typescript_is_checked_with_are_current():
    assert json.loads(EXAMPLES.read_text("utf-8")) == examples()


def test_the_script_makes_text_of_what_it_is_told_and_fetches_nothing():
    script = JourneyWidget._esm + JourneyWidget._css
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert forbidden not in script
    script = script.replace("http://www.w3.org/2000/svg", "")  # a name: nobody fetches it
    assert not re.search(r"https?:|fetch\(|import\(|@import|url\(", script)


# The thread behind it


def test_the_widget_follows_central_until_the_end(on_its_way):
    widget, central = on_its_way
    central.move("cleveland", state="running", cell=2, cells=4)
    until(widget, lambda: widget.route["stops"][0]["cell"] == 2)
    assert widget.connection == "live"
    central.move("cleveland", state="departed")
    central.move("hungary", state="failed", sentence="A cell failed.")
    widget.follower.join(PATIENCE)
    assert not widget.follower.alive
    assert (widget.connection, widget.notice) == ("over", "")
    assert widget.route["summary"] == "1 departed, 1 failed"


def test_a_lost_connection_is_told_and_the_truth_follows(on_its_way):
    widget, central = on_its_way
    central.lose()
    until(widget, lambda: widget.connection == "lost")
    assert widget.notice == "Central at http://x does not answer."
    assert widget.follower.alive
    central.move("hungary", state="departed")
    central.away = False
    until(widget, lambda: widget.connection == "live")
    assert widget.notice == ""
    assert widget.route["stops"][1]["state"] == "departed"


def test_an_error_that_stays_ends_the_thread_with_its_sentence(on_its_way):
    widget, central = on_its_way
    central.told.put(CentralError("This journey is not yours.", code="forbidden"))
    widget.follower.join(PATIENCE)
    assert (widget.connection, widget.notice) == ("over", "This journey is not yours.")


def test_closing_ends_the_thread_and_nothing_is_told_afterwards(on_its_way):
    widget, central = on_its_way
    widget.close()
    before = widget.route
    central.move("cleveland", state="departed")
    widget.follower.join(PATIENCE)
    assert not widget.follower.alive
    assert widget.route == before


def test_the_cancel_button_asks_central(on_its_way):
    widget, central = on_its_way
    widget._handle_custom_msg({"do": "cancel"}, [])
    until(widget, lambda: widget.route["cancelled"])
    assert central.cancelled == 1


def test_a_cancellation_that_fails_says_why(on_its_way, monkeypatch):
    widget, central = on_its_way
    monkeypatch.setattr(central, "cancel", _refuse)
    widget._handle_custom_msg({"do": "cancel"}, [])
    until(widget, lambda: widget.notice != "")
    assert widget.notice == "Central at http://x does not answer."
    assert not widget.route["cancelled"]


def _refuse(_: str) -> Any:
    raise CentralUnreachableError("Central at http://x does not answer.")


@pytest.mark.parametrize("content", ["cancel", None, {}, {"do": "open"}, {"do": ["cancel"]}])
def test_other_messages_do_nothing(on_its_way, content):
    widget, central = on_its_way
    widget._handle_custom_msg(content, [])
    assert central.cancelled == 0


# Where it is shown


def test_the_same_journey_shown_twice_has_one_widget_and_one_thread(watched):
    journey, central = told_journey()
    first, second = journey._repr_mimebundle_(), journey._repr_mimebundle_()
    assert first[VIEW_TYPE] == second[VIEW_TYPE]
    names = [t.name for t in threading.enumerate() if t.name.endswith(journey.id[7:19])]
    assert len(names) == 1
    central.move("cleveland", state="departed")
    journey._display._widget.follower.join(PATIENCE)


def test_a_journey_that_is_over_is_shown_without_a_thread(watched):
    journey, _ = told_journey(state="departed")
    assert set(journey._repr_mimebundle_()) == KEPT


def test_where_nobody_looks_no_widget_is_made(monkeypatch):
    monkeypatch.setattr(journey_widget, "JourneyWidget", None)
    journey, _ = told_journey()
    bundle = journey._repr_mimebundle_()
    assert set(bundle) == KEPT
    assert bundle["text/plain"] == repr(journey)


def test_in_a_terminal_ipython_takes_the_text():
    with pytest.raises(NotImplementedError):
        told_journey()[0]._ipython_display_()


def test_a_widget_whose_central_went_for_good_is_followed_anew_when_shown_again(watched):
    broken = iter([CentralError("no", code="forbidden")])

    def look() -> Any:
        for error in broken:
            raise error
        return view(state="departed")

    told = view()
    faces = Faces(lambda: told, route_map, lambda: "", lambda: "")
    display = JourneyDisplay(
        faces,
        Followed(look, lambda _: told, lambda _: iter(())),
        Requests(lambda: told, lambda: told),
    )
    first = display.bundle()[VIEW_TYPE]
    display._widget.follower.join(PATIENCE)
    assert display.bundle()[VIEW_TYPE] != first
    display._widget.follower.join(PATIENCE)
    assert display._widget.connection == "over"


# In a real kernel

SHOWN = """\
import sys
sys.path.insert(0, {root!r})
from tests.lab.page import VIEW_TYPE, Page
from tests.lab.told_journey import told_journey
journey, central = told_journey("cleveland", "hungary", cell=1, cells=3)
"""
ENDED = """\
central.move("cleveland", state="departed")
central.move("hungary", state="failed", sentence="A cell failed.")
if journey._display._widget is not None:
    journey._display._widget.follower.join(30)
"""


@pytest.fixture(scope="module")
def client() -> Iterator[BlockingKernelClient]:
    manager, client = jupyter_client.manager.start_new_kernel(kernel_name="python3")
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run(client: BlockingKernelClient, code: str, *, looking: bool) -> list[dict[str, Any]]:
    """The messages of a cell that a client sends with someone before it, or without."""
    told: list[dict[str, Any]] = []
    reply = client.execute_interactive(
        code, allow_stdin=looking, output_hook=told.append, timeout=120
    )
    assert reply["content"]["status"] == "ok", reply["content"]
    return told


def shown(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kinds = ("display_data", "execute_result", "update_display_data")
    return [m for m in messages if m["msg_type"] in kinds]


def test_in_lab_a_widget_is_shown_and_what_needs_no_kernel_takes_its_place_at_the_end(client):
    run(client, SHOWN.format(root=str(ROOT)), looking=True)
    (first,) = shown(run(client, "journey", looking=True))
    (second,) = shown(run(client, "journey", looking=True))
    assert set(first["content"]["data"]) == {VIEW_TYPE, *KEPT}
    assert second["content"]["data"][VIEW_TYPE] == first["content"]["data"][VIEW_TYPE]
    settled = shown(run(client, ENDED, looking=True))
    assert {m["msg_type"] for m in settled} == {"update_display_data"}
    places = {m["content"]["transient"]["display_id"] for m in (first, second)}
    assert {m["content"]["transient"]["display_id"] for m in settled} == places
    for message in settled:
        assert set(message["content"]["data"]) == KEPT
        assert message["content"]["data"][MIME_TYPE]["summary"] == "1 departed, 1 failed"
        assert "1 departed, 1 failed" in message["content"]["data"]["text/html"]


def test_wait_shows_one_display_though_it_is_the_cell_s_value_as_well(client):
    run(client, SHOWN.format(root=str(ROOT)), looking=True)
    run(client, ENDED, looking=True)
    kinds = [m["msg_type"] for m in shown(run(client, "journey.wait()", looking=True))]
    assert kinds.count("display_data") == 1
    assert "execute_result" not in kinds


def test_executed_by_nbclient_it_is_html_that_needs_no_server_of_others(client):
    run(client, SHOWN.format(root=str(ROOT)), looking=False)
    messages = run(client, "import threading\n" + ENDED + "journey.wait()", looking=False)
    assert not [m for m in messages if m["msg_type"].startswith("comm")]
    cell = nbformat.v4.new_code_cell("journey.wait()")
    for message in shown(messages):
        if message["msg_type"] != "update_display_data":
            cell.outputs.append(nbformat.v4.output_from_msg(message))
    assert [set(o.data) for o in cell.outputs] == [KEPT]
    page = as_html(nbformat.v4.new_notebook(cells=[cell]), "journey")
    assert '<th scope="row"' in page
    assert "html-manager" not in page
    assert "<script" not in page.split("<body", 1)[1]
