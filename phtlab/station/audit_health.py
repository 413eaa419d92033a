"""Whether the station's log holds, and central's as far as the station saw it: in a sentence."""

from __future__ import annotations

from phtlab.errors import AuditError
from phtlab.governance.audit import verify_chain
from phtlab.station.audit import Log
from phtlab.station.audit_watch import Watch
from phtlab.station.folder import StationFolder


def audit_state(folder: StationFolder, name: str) -> str:
    """How far both logs hold. Raises AuditError if one does not, with what to do."""
    watch = Watch.of(folder)
    for alarm in watch.alarms:
        raise AuditError(
            f"{alarm.sentence} Keep everything as it is and tell an officer; 'phtlab audit verify' "
            "says what holds.",
            code=alarm.code,
        )
    head = verify_chain(Log(folder.audit, name).entries(), log=name)
    told = f"{head.number} entries, each of which follows the one before"
    if (seen := watch.central.seen) is None:
        return f"{told}; central's log was not verified yet."
    return (
        f"{told}; central's log held at {seen.at:%Y-%m-%d %H:%M} UTC as far as entry {seen.number}."
    )
