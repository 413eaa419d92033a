"""A run has the time that it was promised, whatever is done to the clock meanwhile."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from phtlab.station.context.stopwatch import Stopwatch
from tests.station.station_world import make_world

STEPS = 40  # more than a stop has


def test_the_wall_is_believed_once_and_a_clock_that_is_never_set_from_then_on() -> None:
    now = [1000.0]
    watch = Stopwatch(lambda: now[0])
    assert watch.elapsed("run", 5.0) == 5.0
    now[0] += 10
    for by_the_wall in (15.0, 86400.0, -86400.0):
        assert watch.elapsed("run", by_the_wall) == 15.0


def test_a_run_that_has_not_begun_yet_by_the_wall_begins_now() -> None:
    now = [0.0]
    watch = Stopwatch(lambda: now[0])
    assert watch.elapsed("run", -86400.0) == 0.0
    now[0] += 3
    assert watch.elapsed("run", -86400.0) == 3.0
    watch.forget("run")
    assert watch.elapsed("run", 1.0) == 1.0


@pytest.mark.parametrize("steps", range(7))
def test_a_clock_set_back_signs_no_record_that_ends_before_its_order_or_its_begin(
    tmp_path: Path, steps: int
) -> None:
    """Set back by a minute, after so many steps of the stop."""
    world = make_world(tmp_path)
    world.add_hearts()
    issued = world.now().replace(microsecond=0)
    offer = world.offer()
    daemon = world.begun(offer, steps=steps)
    world.ahead -= timedelta(minutes=1)
    for _ in range(STEPS):
        daemon.step()
    record = world.record(offer)
    assert record.outcome == "departed"
    assert record.started is not None
    assert issued <= record.started <= record.finished
