"""Audit log entries for the progress of each stop, derived from its files, so that none is missed.

A stop does not advance before the log has its progress so far. A station that was killed in between
adds the missing entries after its restart.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from phtlab.station.audit.log import Log
from phtlab.station.release.votes import RELEASE
from phtlab.station.stops import stop_files
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.stop import Stop, Stops


class AuditDetails(NamedTuple):
    """Digest and details of a stop's log entry; the action's name is separate."""

    digest: str
    details: Mapping[str, str]


def _offered(stop: Stop) -> AuditDetails:
    return AuditDetails(stop.journey, {})


def _held(stop: Stop) -> AuditDetails:
    return AuditDetails(_train(stop), {"reason": stop.read(stop_files.HELD).sentence})


def _admitted(stop: Stop) -> AuditDetails:
    researcher, admitted = stop.verified_offer().researcher, stop.read(stop_files.ADMITTED)
    allowed = {"approval": admitted.approval} if admitted.approval else {}
    return AuditDetails(
        _train(stop), {"researcher": researcher, "reason": admitted.sentence, **allowed}
    )


def _started(stop: Stop) -> AuditDetails:
    return AuditDetails(_train(stop), {})


def _outputs_held(stop: Stop) -> AuditDetails:
    outputs = stop.read(stop_files.AIRLOCK_HELD)
    details = {"outputs": str(len(outputs.held)), "persons": str(outputs.persons)}
    return AuditDetails(_train(stop), details)


def _outputs_decided(stop: Stop) -> AuditDetails:
    """Count of released, redacted and withheld outputs; each vote has an entry of its own."""
    choices = Counter[str](outcome.choice for outcome in stop.read(RELEASE).outputs.values())
    return AuditDetails(_train(stop), {choice: str(number) for choice, number in choices.items()})


def _ended(stop: Stop) -> AuditDetails:
    record = stop.final_record()
    code = {"code": record.code} if record.code else {}
    return AuditDetails(stop.record().digest, {"outcome": record.outcome, **code})


def _train(stop: Stop) -> str:
    return stop.verified_offer().train.digest


_BY_MARKER: Final[Mapping[Marker, tuple[str, Callable[[Stop], AuditDetails]]]] = {
    Marker.OFFER: ("stop-offered", _offered),
    Marker.HELD: ("stop-held", _held),
    Marker.ADMITTED: ("stop-admitted", _admitted),
    Marker.STARTING: ("stop-started", _started),
    Marker.AIRLOCK_HELD: ("outputs-held", _outputs_held),
    Marker.RELEASE: ("outputs-decided", _outputs_decided),
    Marker.RECORD: ("stop-ended", _ended),
}


class StopAudit:
    """Adds the progress of stops to `log`. Each stop is noted by one thread at a time."""

    def __init__(self, log: Log, stops: Stops) -> None:
        self._log = log
        self._stops = stops
        self._lock = threading.Lock()
        self._actions: dict[str, set[str]] | None = None

    def note(self, stop: Stop) -> None:
        """Add missing entries of `stop`. Raises OSError, AuditError, StationError: try again."""
        with self._lock:
            known = self._logged()
            if stop.ended and stop.journey not in known:
                return  # it was noted to its end, and removed from the table
            logged = known.setdefault(stop.journey, set())
        for marker, (action, details_of) in _BY_MARKER.items():
            if action in logged or not stop.has(marker):
                continue
            entry = details_of(stop)
            self._log.append(
                actor=self._log.name,
                action=action,
                subject=stop.journey,
                digest=entry.digest,
                details=entry.details,
            )
            logged.add(action)
        if stop.ended:
            with self._lock:
                self._logged().pop(stop.journey, None)

    def _logged(self) -> dict[str, set[str]]:
        """Return the logged actions of unfinished stops, by journey."""
        if self._actions is None:
            actions: dict[str, set[str]] = {
                stop.journey: set() for stop in self._stops.unfinished()
            }
            if actions:
                for entry in self._log.entries():
                    if entry.subject in actions:
                        actions[entry.subject].add(entry.action)
            self._actions = actions
        return self._actions
