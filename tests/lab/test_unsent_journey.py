"""A journey that the page asks about: nothing leaves before the answer, whatever cells do."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from phtlab.errors import CentralUnreachableError, JourneyError
from phtlab.lab.client import lab as lab_module
from phtlab.lab.client import unsent_journey
from phtlab.lab.client.journey import Journey
from phtlab.lab.client.lab import results
from phtlab.lab.client.sent_order import SentOrder
from phtlab.lab.client.unsent_journey import UnsentJourney
from phtlab.lab.display.dispatch_question import DispatchQuestion
from phtlab.lab.display.dispatch_widget import DispatchWidget
from phtlab.lab.display.notebook_location import runs_in_page
from tests.lab.page import Page
from tests.lab.told_journey import Central, Session, view
from tests.limits import LIMIT
from tests.raising import raises_code

HOSTILE = "<script>alert(1)</script>\u202e"
QUESTION = DispatchQuestion(
    "heart", ("cleveland", "hungary"), ("counts",), {"min_age": 50}, ("ada",), "Why hearts fail"
)


class Sender:
    """Sends by counting; raises `fault` first, if there is one."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.count = 0
        self.session: Any = Session(Central(view(stations=("cleveland", "hungary"))))

    def __call__(self) -> SentOrder:
        self.count += 1
        fault, self.fault = self.fault, None
        if fault is not None:
            raise fault
        return SentOrder(self.session, self.session.central.view, self.session.central.view.id)


def asking(sender: Sender) -> tuple[UnsentJourney, DispatchWidget]:
    journey = UnsentJourney(QUESTION, sender)
    journey._repr_mimebundle_()
    assert journey._widget is not None
    return journey, journey._widget


def test_every_attribute_of_a_sent_journey_is_refused_before_it_is_sent():
    unsent, _ = asking(sender := Sender())
    sent = Journey(sender.session, sender.session.central.view)
    attributes = set(vars(sent)) - {"session"}
    assert "answers" in attributes
    for name in attributes:
        with raises_code(JourneyError, "journey-unsent"):
            getattr(unsent, name)


def test_what_needs_it_says_that_it_is_not_sent():
    journey, _ = asking(sender := Sender())
    for use in (
        journey.wait,
        journey.results,
        journey.refresh,
        journey.cancel,
        lambda: journey.id,
        lambda: journey.stops,
        lambda: results(journey),
        lambda: results(journey, partial=True),
    ):
        with raises_code(JourneyError, "journey-unsent") as error:
            use()
        assert "Send" in str(error.value)
    assert sender.count == 0
    assert not journey.sent
    with pytest.raises(AttributeError):
        _ = journey.nothing_of_that_name  # type: ignore[attr-defined]


def test_the_newest_journey_of_a_lab_is_the_unsent_one_and_not_the_one_before(small_lab_like):
    lab, unsent = small_lab_like
    assert lab.journey() is unsent
    with raises_code(JourneyError, "journey-unsent"):
        lab.journey().results()


@pytest.fixture
def small_lab_like(monkeypatch: pytest.MonkeyPatch) -> tuple[lab_module.Lab, UnsentJourney]:
    """A lab whose last dispatch waits for its answer."""
    monkeypatch.delenv("PHTLAB_JOURNEY", raising=False)
    lab = object.__new__(lab_module.Lab)
    lab._last, _ = asking(Sender())
    return lab, lab._last


def test_one_answer_sends_once_and_it_is_a_journey_then():
    journey, widget = asking(sender := Sender())
    widget.answer()
    widget.answer()
    assert (sender.count, widget.state) == (1, "sent")
    assert journey.sent
    assert isinstance(journey, Journey)
    assert [stop.station for stop in journey.stops] == ["cleveland", "hungary"]
    assert "cleveland" in repr(journey)
    assert "not sent" not in repr(journey).lower()


def test_what_keeps_it_here_is_said_and_can_be_tried_again():
    journey, widget = asking(sender := Sender(CentralUnreachableError("Central is away.")))
    widget.answer()
    assert (widget.state, widget.notice) == ("asking", "Central is away.")
    assert not journey.sent
    widget.answer()
    assert (widget.state, widget.notice, sender.count) == ("sent", "", 2)


def test_a_cell_that_runs_while_it_is_sent_waits_for_that():
    began, go_on = threading.Event(), threading.Event()
    sender = Sender()

    def slowly() -> SentOrder:
        began.set()
        assert go_on.wait(LIMIT)
        return sender()

    journey = UnsentJourney(QUESTION, slowly)
    journey._repr_mimebundle_()
    assert journey._widget is not None
    sending = threading.Thread(target=journey._widget.answer)
    sending.start()
    assert began.wait(LIMIT)
    threading.Timer(0.05, go_on.set).start()
    assert len(journey.stops) == 2
    sending.join(LIMIT)


def test_only_a_message_that_says_send_sends(monkeypatch: pytest.MonkeyPatch):
    _, widget = asking(Sender())
    answered: list[bool] = []
    monkeypatch.setattr(widget, "answer", lambda: answered.append(True))
    started: list[Any] = []
    monkeypatch.setattr(
        threading, "Thread", lambda target, daemon: started.append(target) or _Now(target)
    )
    for content in ({"do": "cancel"}, {"do": ["send"]}, "send", None, {}):
        widget._on_message(None, content, None)
    assert answered == []
    widget._on_message(None, {"do": "send"}, None)
    assert answered == [True]


class _Now:
    def __init__(self, target: Any) -> None:
        self.start = target


def test_it_names_stations_parameters_and_outputs_as_text():
    for words in ("cleveland, hungary", "min_age = 50", "counts", "ada", "Why hearts fail"):
        assert words in QUESTION.text()
        assert words in QUESTION.html()
    hostile = DispatchQuestion(
        HOSTILE, (HOSTILE,), (HOSTILE,), {HOSTILE: HOSTILE * 1000}, (HOSTILE,), HOSTILE
    )
    page = Page(hostile.html())
    assert {tag for tag, _ in page.tags} <= {"div", "b", "bdi", "span"}
    assert "\u202e" not in hostile.html()
    assert len(hostile.text()) < 2000


def test_a_script_is_no_page():
    assert not runs_in_page()


@pytest.mark.parametrize(
    ("run", "looks", "page", "asked"),
    [
        ("run-1", True, True, True),
        ("run-1", True, False, False),  # a console in a terminal of the server
        ("run-1", False, True, False),  # papermill
        (None, True, True, False),
    ],
)
def test_what_is_a_page(monkeypatch, run, looks, page, asked):
    where = "phtlab.lab.display.notebook_location"
    monkeypatch.setattr(f"{where}.cell_run", lambda: run)
    monkeypatch.setattr(f"{where}.is_attached", lambda: looks)
    monkeypatch.setattr(f"{where}.page_of_agent", lambda _: page)
    assert runs_in_page() is asked


def test_it_asks_once_a_run_of_a_cell(monkeypatch: pytest.MonkeyPatch):
    shown: list[Any] = []
    run = "run-1"
    monkeypatch.setattr(unsent_journey, "cell_run", lambda: run)
    monkeypatch.setattr(unsent_journey, "Output", shown.append)
    journey = UnsentJourney(QUESTION, Sender())
    journey.show()
    journey._ipython_display_()
    assert len(shown) == 1
    run = "run-2"
    journey._ipython_display_()
    assert len(shown) == 2
    assert {"text/html", "text/plain"} < set(shown[0])
