"""A run's end wakes the daemon, if the executor watches its runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from phtlab.errors import EngineMissingError
from phtlab.station.daemon import loop
from phtlab.station.daemon.end_watch import EndWatch
from phtlab.station.stops.marker import Marker
from tests.limits import LIMIT, join
from tests.station.station_world import FakeRun, ScriptedExecutor, make_world

_NEVER = 100 * LIMIT


@dataclass
class WatchedExecutor(ScriptedExecutor):
    """Reports the ends that a test notes."""

    ended: threading.Event = field(default_factory=threading.Event)

    def await_ends(self, seconds: float, report: Callable[[], None]) -> bool:
        if self.ended.wait(0.05):
            self.ended.clear()
            report()
        return True


def test_a_stop_goes_on_when_its_run_ends_whatever_the_tick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(tmp_path, inbox_wait=1)
    world.add_hearts()
    executor = WatchedExecutor(tmp_path / "runs", world.now, FakeRun(lasts=True))
    world.executor = executor
    for tick in ("_TICK_RUNNING", "_TICK_WATCHED", "_TICK_IDLE"):
        monkeypatch.setattr(loop, tick, _NEVER)
    daemon, until, offer = world.daemon(), threading.Event(), world.offer()
    thread = threading.Thread(target=daemon.run, args=(until,), name="daemon")
    thread.start()
    try:
        world.central.offer(offer)
        _wait(lambda: world.stop(offer).has(Marker.STARTED))
        executor.stop(world.stop(offer).job_id)
        executor.ended.set()
        _wait(lambda: world.stop(offer).is_reported)
    finally:
        until.set()
        daemon._wake.set()
        join(thread)
    assert world.record(offer).outcome == "failed"


def test_an_end_that_comes_while_the_stop_is_asked_for_is_not_lost() -> None:
    watch = EndWatch(ScriptedExecutor(Path(), lambda: None), threading.Event())  # type: ignore[arg-type, return-value]
    assert not watch.taken()
    watch.note()
    assert watch.taken()
    watch.put_back()
    assert watch.taken()
    assert not watch.taken()


def test_an_executor_that_cannot_watch_its_runs_is_asked_once(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    watch = EndWatch(world.executor, threading.Event())
    watch.run(threading.Event())  # ends by itself
    assert not watch.active


def test_an_engine_that_goes_away_is_watched_again() -> None:
    until = threading.Event()
    answers: list[bool | EngineMissingError] = [True, EngineMissingError("It is away."), True]
    active: list[bool] = []

    class Engine(ScriptedExecutor):
        def await_ends(self, seconds: float, report: Callable[[], None]) -> bool:
            active.append(watch.active)
            answer = answers.pop(0)
            if not answers:
                until.set()
            if isinstance(answer, Exception):
                raise answer
            return answer

    watch = EndWatch(Engine(Path(), lambda: None), threading.Event())  # type: ignore[arg-type, return-value]
    watch.run(until)
    assert active == [False, True, False]
    assert watch.active


def _wait(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + LIMIT
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
