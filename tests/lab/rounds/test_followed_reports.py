"""Reports of rounds in a workspace: fetched in a thread of their own, bounded, newest first."""

from __future__ import annotations

import logging
import queue
from logging.handlers import QueueHandler
from pathlib import Path

import pytest

from phtlab.errors import CentralUnreachableError
from phtlab.lab.rounds.round_reports import RoundReports
from phtlab.lab.workspace import followed_reports
from phtlab.lab.workspace.followed_reports import FollowedReports
from phtlab.wire.api.journeys import JourneyView
from phtlab.wire.api.rounds import RoundsView
from tests.lab.rounds.series_world import SeriesWorld
from tests.limits import LIMIT


def ended(world: SeriesWorld) -> JourneyView:
    rounds = RoundsView(number=len(world.central.sent), ended=True)
    return world.central.view().model_copy(update={"rounds": rounds})


@pytest.fixture
def driven(world: SeriesWorld) -> SeriesWorld:
    world.kernel().drive()
    return world


def test_a_journeys_reports_are_fetched_once(driven: SeriesWorld) -> None:
    changed: queue.Queue[str] = queue.Queue()
    followed = FollowedReports(lambda _: driven.reports(), changed.put)
    assert followed.of(driven.journey) == ()
    followed.follow(ended(driven))
    assert changed.get(timeout=LIMIT) == driven.journey
    assert followed.of(driven.journey) == driven.reported().reports
    asked = driven.central.asked
    followed.follow(ended(driven))
    followed.close()
    assert driven.central.asked == asked


def test_a_journey_without_rounds_is_not_asked_about(world: SeriesWorld) -> None:
    def opened(_: JourneyView) -> RoundReports:
        raise AssertionError

    followed = FollowedReports(opened, lambda _: None)
    followed.follow(world.central.view())
    followed.close()


def test_a_locked_key_opens_none(driven: SeriesWorld) -> None:
    asked: queue.Queue[str] = queue.Queue()

    def locked(view: JourneyView) -> None:
        asked.put(view.id)

    followed = FollowedReports(locked, lambda _: None)
    followed.follow(ended(driven))
    assert asked.get(timeout=LIMIT) == driven.journey
    followed.close()
    assert followed.of(driven.journey) == ()


def test_only_the_journeys_that_were_followed_last_are_kept(tmp_path: Path) -> None:
    worlds = []
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        worlds.append(SeriesWorld(tmp_path / name, most=1))
        worlds[-1].kernel().drive()
    opened = {world.journey: world.reports() for world in worlds}
    changed: queue.Queue[str] = queue.Queue()
    followed = FollowedReports(lambda view: opened[view.id], changed.put, most=2)
    for world in worlds:
        followed.follow(ended(world))
        assert changed.get(timeout=LIMIT) == world.journey
    followed.close()
    assert [len(followed.of(world.journey)) for world in worlds] == [0, 1, 1]


def test_what_cannot_be_fetched_is_logged_and_fetched_with_the_next_change(
    driven: SeriesWorld,
) -> None:
    changed: queue.Queue[str] = queue.Queue()
    logged: queue.Queue[logging.LogRecord] = queue.Queue()
    handler = QueueHandler(logged)
    answers: list[Exception] = [CentralUnreachableError("Central is away."), KeyError("a mistake")]

    def opened(_: JourneyView) -> RoundReports:
        if answers:
            raise answers.pop(0)
        return driven.reports()

    followed = FollowedReports(opened, changed.put)
    followed_reports.log.addHandler(handler)
    try:
        for word in ("Central is away.", "a mistake"):
            followed.follow(ended(driven))
            assert word in logged.get(timeout=LIMIT).getMessage()
    finally:
        followed_reports.log.removeHandler(handler)
    followed.follow(ended(driven))
    assert changed.get(timeout=LIMIT) == driven.journey
    followed.close()
