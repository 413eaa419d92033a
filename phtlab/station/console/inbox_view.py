"""What waits for a person at this station: one line each, the longest wait first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from phtlab.governance.risk import Risk, assess
from phtlab.station.arrived import Arrived
from phtlab.station.console.people import Role
from phtlab.station.desk import Place
from phtlab.station.stop import Stop


@dataclass(frozen=True)
class Waiting:
    """One thing that waits. `role` is who may open it, by the button `does` that goes to `path`."""

    kind: Literal["proposal", "train", "output"]
    title: str
    detail: str
    since: datetime
    path: str
    does: str
    role: Role
    risk: Risk | None = None


Source = Callable[[Place], Iterator[Waiting]]


def trains(station: Place) -> Iterator[Waiting]:
    """Trains that the policy holds for a person."""
    for stop in station.stops:
        if not stop.has("held") or stop.has("decision") or stop.has("record"):
            continue
        arrived = Arrived.of(stop)
        manifest = arrived.train.manifest
        yield Waiting(
            kind="train",
            title=manifest.name,
            detail=f"of {arrived.researcher}, on {', '.join(manifest.datasets) or 'no data set'}",
            since=_when(stop, "held"),
            path=f"/review/{stop.hex}",
            does="Review",
            role="reviewer",
            risk=assess(manifest, known_images=[arrived.kernel.digest]).risk,
        )


SOURCES: tuple[Source, ...] = (trains,)


def waiting(station: Place) -> list[Waiting]:
    """All that waits, the oldest first. Raises StationError where a stop's files are broken."""
    found = [one for source in SOURCES for one in source(station)]
    return sorted(found, key=lambda one: one.since)


def _when(stop: Stop, name: str) -> datetime:
    return datetime.fromisoformat(stop.read(name)["at"])
