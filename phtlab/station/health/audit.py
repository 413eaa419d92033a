"""Verification state of the station's log and of central's, as a sentence; and its acceptance."""

from __future__ import annotations

from phtlab.errors import AuditError
from phtlab.governance.audit.chain import verify_chain
from phtlab.station.audit.log import Log
from phtlab.station.audit.watch import Alarm, Watch, WatchState
from phtlab.station.context.station_context import StationContext
from phtlab.station.settings.folder import StationFolder


def audit_state(folder: StationFolder, name: str) -> str:
    """Describe how far both logs verify. Raises AuditError, with advice, if one does not."""
    watch = Watch.of(folder)
    for alarm in watch.alarms:
        raise AuditError(
            alarm.sentence,
            "Keep everything as it is and tell an officer; 'phtlab audit verify' says which part "
            "is valid.",
            code=alarm.code,
        )
    head = verify_chain(Log(folder.audit, name).entries(), log=name)
    sentence = f"{head.number} entries, each of which follows the one before"
    if (seen := watch.central.seen) is None:
        return f"{sentence}; central's log was not verified yet."
    verified = f"{seen.at:%Y-%m-%d %H:%M} UTC as far as entry {seen.number}"
    return f"{sentence}; central's log verified at {verified}."


def accept_central(station: StationContext, *, by: str, reason: str) -> Alarm:
    """Accept central's log as it is now, after officers explained why it lacks what was seen.

    Verification restarts from the present log. The station's own log keeps the head seen before,
    and why central's log failed verification. Raises AuditError (``audit-no-alarm``) if central's
    log has no alarm.
    """
    watched = Watch.of(station.folder).central
    if watched.alarm is None:
        raise AuditError(
            "Central's log holds, as far as this station knows: there is nothing to accept.",
            code="audit-no-alarm",
        )
    seen = watched.seen
    station.audit.append(
        actor=by,
        action="central-log-accepted",
        subject=watched.alarm.log,
        digest=seen.digest if seen else None,
        details={
            "code": watched.alarm.code,
            "number": str(seen.number if seen else 0),
            "reason": reason,
        },
    )
    Watch.of(station.folder).keep(station.folder, "central", WatchState())
    return watched.alarm
