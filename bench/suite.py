"""All benches by name: those that need no consortium, and those that share one.

Each returns its rows and stores nothing. `python -m bench` stores the rows; the tests run the tiny
form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from bench import (
    airlock,
    approval,
    interface,
    journey,
    round_stations,
    rounds,
    scheduler,
    seal,
    stop,
    waiting,
)
from bench.figures import Row
from bench.size import BenchSize
from phtlab.demo.world import World

ALONE: Final[Mapping[str, Callable[[BenchSize], list[Row]]]] = {
    "seal": seal.measure,
    "airlock": airlock.measure,
    "waiting": waiting.measure,
    "round-stations": round_stations.measure,
}
IN_CONSORTIUM: Final[Mapping[str, Callable[[World, BenchSize], list[Row]]]] = {
    "journey": journey.measure,
    "stop": stop.measure,
    "approval": approval.measure,
    "rounds": rounds.measure,
    "scheduler": scheduler.measure,
    "interface": interface.measure,
}
