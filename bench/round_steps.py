"""Where the time of a round goes: on the way between driver and stations, and within a station."""

from __future__ import annotations

import os
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

from bench.figures import median
from phtlab.demo.world import World
from phtlab.station.pipeline.rounds import follow
from tests.station.pipeline.rounds_series import POLICY, make_series

_INSTRUCTIONS = "SELECT number, submitted FROM instruction WHERE journey_id = ?"
_RECORDS = (
    "SELECT number, min(submitted), max(submitted) FROM round_record "
    "WHERE journey_id = ? GROUP BY number"
)
# Steps of `follow`, called one after the other; and what is called within these.
_STEPS = {
    "_receive_instructions": "instruction and values",
    "request": "request",
    "_take_over": "copy of the outputs",
    "_check": "airlock and seal",
    "_sign": "record",
    "_send": "sending",
}
_WITHIN = {"seal": "of these, seal", "check_round": "of these, airlock"}


def journey_steps(world: World, journey: str, moments: Sequence[float]) -> dict[str, float]:
    """Return median seconds of the steps of a journey's further rounds, by central's clock.

    `moments` are when each round was combined.
    """
    path = world.directory / "central" / "central.sqlite"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        sent = {number: _seconds(at) for number, at in database.execute(_INSTRUCTIONS, (journey,))}
        records = {
            number: (_seconds(first), _seconds(last))
            for number, first, last in database.execute(_RECORDS, (journey,))
        }
    steps = defaultdict[str, list[float]](list)
    for number in range(2, len(moments) + 1):
        first, last = records[number]
        steps["combined to instruction at central"].append(sent[number] - moments[number - 2])
        steps["to the first record at central"].append(first - sent[number])
        steps["to the last"].append(last - first)
        steps["to the round combined"].append(moments[number - 1] - last)
    return {name: median(seconds) for name, seconds in steps.items()}


def station_steps(folder: Path, rounds: int) -> dict[str, float]:
    """Return median seconds of the steps of a round at a station alone.

    Its executor computes at once, and its central is in memory. `fsync` is part of the steps.
    """
    policy = f'{POLICY}uncounted = "pass"\n[month]\nvalues = 10000\n[rounds]\nmost = {rounds + 2}\n'
    folder.mkdir()
    series = make_series(folder, most=rounds + 2, policy=policy)
    central = series.world.central
    daemon = series.begin()
    while not central.sent_rounds:
        daemon.step()
    steps = defaultdict[str, list[float]](list)
    with ExitStack() as stack:
        times = _Times()
        for name, title in (_STEPS | _WITHIN).items():
            timed = times.timed(title, getattr(follow, name))
            stack.enter_context(mock.patch.object(follow, name, timed))
        fsync = times.timed("of all, fsync", os.fsync)
        stack.enter_context(mock.patch.object(os, "fsync", fsync))
        for number in range(1, rounds + 1):
            last = central.sent_rounds[-1].record.digest
            series.instruct(float(number), heard={"cleveland": last})
            times.clear()
            began = time.perf_counter()
            while len(central.sent_rounds) == number:
                daemon.step()
            steps["the whole round"].append(time.perf_counter() - began)
            for title, took in times.seconds.items():
                steps[title].append(took)
            steps["calls of fsync"].append(times.calls["of all, fsync"])
    return {name: median(seconds) for name, seconds in steps.items()}


class _Times:
    """Seconds and calls of functions by title."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.seconds = defaultdict[str, float](float)
        self.calls = defaultdict[str, int](int)

    def timed(self, title: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self.seconds[title] += time.perf_counter() - began
                self.calls[title] += 1

        return run


def steps_text(steps: dict[str, float]) -> str:
    """Return the steps in milliseconds, as text."""
    return ", ".join(
        f"{took:.0f} {name}" if name.startswith("calls") else f"{name} {took * 1000:.1f} ms"
        for name, took in steps.items()
    )


def _seconds(stored: str) -> float:
    return datetime.fromisoformat(stored).replace(tzinfo=UTC).timestamp()
