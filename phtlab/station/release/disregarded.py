"""Disregard released outputs: a person decides that later outputs are not compared with them.

A researcher's counts may be made up: hundreds of them are close to any true count, and every output
that counts nearly as many people would wait for a person.
"""

from __future__ import annotations

from phtlab.errors import StationError
from phtlab.station.airlock.history import released_counts
from phtlab.station.context.station_context import StationContext
from phtlab.station.stops import stop_files
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.stop import Stop


def disregard(station: StationContext, stop: Stop, *, by: str, reason: str) -> tuple[str, ...]:
    """Stop comparing later outputs with those that left with `stop`.

    Returns the journeys of all stops that released the same tables: they are kept once. Raises
    StationError (``nothing-noted``) if nothing that counts people left with `stop`.
    """
    name = _noted(stop)
    if not name:
        raise StationError(
            f"Nothing that counts people has left with journey {stop.hex[:12]}, or its files are "
            "removed: no output is held against it.",
            code="nothing-noted",
        )
    journeys = tuple(stop.journey for stop in station.stops if _noted(stop) == name)
    station.audit.append(
        actor=by,
        action="outputs-disregarded",
        subject=stop.journey,
        details={"journeys": ", ".join(journeys), "reason": reason},
    )
    released_counts.disregard(station.folder.released, name)
    return journeys


def _noted(stop: Stop) -> str:
    """Return the name of the file with the stop's released counts; "" if there is none."""
    return stop.read(stop_files.NOTED).released if stop.has(Marker.NOTED) else ""
