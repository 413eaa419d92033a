"""Audit log entries of who viewed a train: each time that its page, or the command, shows it."""

from __future__ import annotations

from phtlab.station.context.station_context import StationContext
from phtlab.station.stops.stop import Stop


def note_review(station: StationContext, stop: Stop, *, by: str) -> None:
    """Log that `by` views the train of `stop`. Raises AuditError, OSError: then show nothing."""
    digest = stop.verified_offer().train.digest
    station.audit.append(actor=by, action="train-looked-at", subject=stop.journey, digest=digest)
