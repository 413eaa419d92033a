"""Rounds on a journey's map: who is awaited, and what was reported, bounded."""

from __future__ import annotations

import math
from threading import Event

from phtlab.lab.display.paced import Paced
from phtlab.lab.display.rounds_map import MAX_LINES, MAX_POINTS, reported_lines, rounds_map
from phtlab.lab.display.route_map import route_map
from phtlab.rounds.reports import RoundReport
from phtlab.train.documents.order import OrderedRounds
from phtlab.wire.api.rounds import RoundsView, newest_rounds
from tests.lab.told_journey import view
from tests.limits import LIMIT


def report(number: int, **reported: float) -> RoundReport:
    return RoundReport(number, ("ulm",), reported)


def test_stations_are_heard_or_awaited_until_they_have_ended() -> None:
    told = view(stations=("ulm", "mainz", "trier"))
    assert rounds_map(told, []) is None
    gone = told.stops[2].model_copy(update={"state": "failed"})
    rounds = RoundsView(number=3, heard=("mainz",))
    told = told.model_copy(update={"stops": (*told.stops[:2], gone), "rounds": rounds})
    shown = rounds_map(told, [report(1, loss=2.0)])
    assert shown is not None
    assert (shown.number, shown.heard, shown.awaited) == (3, ("mainz",), ("ulm",))
    over = rounds.model_copy(update={"ended": True})
    ended = rounds_map(told.model_copy(update={"rounds": over}), [])
    assert ended is not None
    assert (ended.ended, ended.awaited) == (True, ())


def test_an_aggregator_is_no_station_that_is_awaited() -> None:
    limits = OrderedRounds(most=20, aggregator="adder", quorum=2, deadline=60)
    told = view(stations=("ulm", "mainz"), route="rounds", rounds=limits)
    told = told.model_copy(update={"rounds": RoundsView(number=3, heard=("mainz",))})
    shown = rounds_map(told, [])
    assert shown is not None
    assert (shown.most, shown.heard, shown.awaited) == (20, ("mainz",), ("ulm",))
    mapped = route_map(told)
    assert [stop.combines for stop in mapped.stops] == [False, False, True]
    assert mapped.summary == "running at 2 stations"


def test_a_locked_key_shows_the_rounds_without_what_was_reported() -> None:
    told = view(stations=("ulm",)).model_copy(update={"rounds": RoundsView(number=3)})
    shown = [rounds_map(told, reports) for reports in (None, [], [report(1, loss=2.0)])]
    assert [found and (found.locked, len(found.lines)) for found in shown] == [
        (True, 0),
        (False, 0),
        (False, 1),
    ]


def test_a_line_has_finite_values_and_a_bounded_number_of_points() -> None:
    reports = [report(n, loss=1 / n, odd=math.nan if n % 2 else 1.0) for n in range(1, 1001)]
    loss, odd = reported_lines(reports)
    assert len(loss.rounds) == len(loss.values) <= MAX_POINTS
    assert (loss.rounds[-1], loss.values[-1]) == (1000, 1 / 1000)
    assert all(number % 2 == 0 for number in odd.rounds)
    many = report(1, **{f"name{n}": 1.0 for n in range(100)})
    assert len(reported_lines([many])) == MAX_LINES
    (hostile,) = reported_lines([report(1, **{"a\u202e" * 200: 1.0})])
    assert "\u202e" not in hostile.name


def test_an_older_event_takes_no_round_back() -> None:
    second, heard = RoundsView(number=2), RoundsView(number=2, heard=("ulm",))
    assert newest_rounds(heard, second) == heard
    assert newest_rounds(None, second) == second
    assert newest_rounds(heard, None) == heard
    assert newest_rounds(heard, RoundsView(number=3)) == RoundsView(number=3)


def test_what_comes_too_fast_is_replaced_and_the_latest_is_shown() -> None:
    shown: list[int] = []
    last = Event()

    def show(number: int) -> None:
        shown.append(number)
        if number == 99:
            last.set()

    paced = Paced(show, 0.2)
    for number in range(100):
        paced(number)
    assert last.wait(LIMIT)
    assert shown[0] == 0
    paced.stop()
