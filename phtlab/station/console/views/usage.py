"""Sampling of running stops' memory and CPU while the console is open, and a small plot of it.

Each sample is a line in the stop's `operator` folder, so that the plot remains after the run. It is
for operators only: a run's resource usage can disclose something about the data.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import structlog

from phtlab.errors import PhtlabError
from phtlab.station.context.bootstrap import open_executor
from phtlab.station.context.station_context import StationContext
from phtlab.station.executor.contract import Executor
from phtlab.station.stops import stop_files
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.stop import Stop

SECONDS = 1.0
_MOST = 7200
_NAME = "usage.csv"
WIDTH, HEIGHT = 560.0, 120.0
_log = structlog.get_logger("phtlab.console")


class UsageSample(NamedTuple):
    """One sample: seconds since the first, bytes of memory, CPUs used since the previous one."""

    second: float
    memory: int
    cpus: float


@dataclass(frozen=True)
class Plot:
    """Points of two lines in a frame of `WIDTH` by `HEIGHT`, with their maxima and limits."""

    memory: str
    cpus: str
    seconds: float
    most_memory: int
    memory_limit: int
    most_cpus: float
    cpus_limit: float


def watch_usage(station: StationContext, until: threading.Event) -> None:
    """Sample running stops until `until` is set. Retries an engine that does not answer."""
    before: dict[str, tuple[datetime, float]] = {}
    executor: Executor | None = None
    try:
        while not until.wait(SECONDS):
            try:
                running = [stop for stop in station.stops.unfinished() if stop.occupies]
                if running and executor is None:
                    executor = open_executor(station.folder, station.settings)
                for stop in running if executor else ():
                    _sample(station, executor, stop, before)  # type: ignore[arg-type]
            except (PhtlabError, OSError) as error:
                _log.info("usage not seen", why=type(error).__name__)
    finally:
        if executor is not None:
            executor.close()


def usage_samples(stop: Stop) -> tuple[UsageSample, ...]:
    """Return the samples of a stop, oldest first. A truncated line is skipped."""
    try:
        lines = (stop.operator / _NAME).read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return ()
    found = []
    for line in lines[:_MOST]:
        try:
            at, memory, cpus = line.split(",")
            found.append((float(at), int(memory), float(cpus)))
        except ValueError:
            continue
    first = found[0][0] if found else 0.0
    return tuple(UsageSample(at - first, memory, cpus) for at, memory, cpus in found)


def plot_of(samples: Sequence[UsageSample], memory_limit: int, cpus_limit: float) -> Plot | None:
    """Plot `samples`, each line scaled to its limit; None for fewer than two samples."""
    if len(samples) < 2:
        return None
    seconds = max(samples[-1].second, 1e-9)
    most_memory = max(sample.memory for sample in samples)
    most_cpus = max(sample.cpus for sample in samples)

    def line(values: list[float], top: float) -> str:
        return " ".join(
            f"{sample.second / seconds * WIDTH:.1f},{HEIGHT - min(value / top, 1.0) * HEIGHT:.1f}"
            for sample, value in zip(samples, values, strict=True)
        )

    return Plot(
        memory=line([sample.memory for sample in samples], max(memory_limit, 1)),
        cpus=line([sample.cpus for sample in samples], max(cpus_limit, 1e-9)),
        seconds=seconds,
        most_memory=most_memory,
        memory_limit=memory_limit,
        most_cpus=most_cpus,
        cpus_limit=cpus_limit,
    )


def plot(stop: Stop) -> Plot | None:
    """Plot what a stop used, within its limits. Raises StationError if its files are broken."""
    if not stop.has(Marker.ADMITTED):
        return None
    limits = stop.read(stop_files.ADMITTED).limits
    return plot_of(usage_samples(stop), limits.memory_bytes, limits.cpus)


def _sample(
    station: StationContext,
    executor: Executor,
    stop: Stop,
    before: dict[str, tuple[datetime, float]],
) -> None:
    used = executor.usage(stop.job_id)
    if used is None:
        return
    now = station.now()
    at, cpu = before.get(stop.hex, (now, used.cpu_seconds))
    before[stop.hex] = now, used.cpu_seconds
    passed = (now - at).total_seconds()
    cpus = max(0.0, used.cpu_seconds - cpu) / passed if passed > 0 else 0.0
    path = stop.operator / _NAME
    if path.exists() and path.stat().st_size > 40 * _MOST:
        return
    with path.open("a", encoding="ascii") as file:
        file.write(f"{now.timestamp():.1f},{used.memory_bytes},{cpus:.3f}\n")
