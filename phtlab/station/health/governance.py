"""Checks of a station's duties to others: a valid audit log, a fresh list of active approvals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from phtlab.errors import ApprovalError, PhtlabError
from phtlab.governance.approval import open_active_approvals
from phtlab.governance.audit.chain import verify_chain
from phtlab.station.approvals.store import Approvals
from phtlab.station.audit.log import Log
from phtlab.station.audit.watch import Watch
from phtlab.station.executor.contract import CheckResult
from phtlab.station.health.audit import audit_state
from phtlab.station.settings.folder import StationFolder
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.roster import Roster
from phtlab.wire.central.client import CentralClient

_VERIFY = "phtlab audit verify --directory STATION says where; then ask who changed it"


def audit_checks(folder: StationFolder, station: str) -> Iterator[CheckResult]:
    """Check the station's own log, and central's as the daemon last saw it. Raises AuditError."""
    watch = Watch.of(folder)
    if watch.own.alarm is not None:
        yield CheckResult("audit log", False, watch.own.alarm.sentence, _VERIFY)
    elif watch.central.alarm is not None:
        head = verify_chain(Log(folder.audit, station).entries(), log=station)
        yield CheckResult("audit log", True, f"{head.number} entries, one following the other.")
    else:
        yield CheckResult("audit log", True, f"It holds: {audit_state(folder, station)}")
    if watch.central.alarm is not None:
        yield CheckResult(
            "central's audit log",
            False,
            watch.central.alarm.sentence,
            "Tell an officer, and keep this station's folder as it is: it is the evidence",
        )


def approvals_check(
    folder: StationFolder, station: str, central: CentralClient, roster: Roster, now: datetime
) -> CheckResult:
    """Check that the signed list of active approvals is fresh, at the station and at central."""
    if not folder.active_approvals.exists():
        if any(Approvals(folder)):
            return _stale("There are approvals, and no signed list of those that stand.")
        return CheckResult("approvals", True, "Nothing was approved here yet.")
    try:
        envelope = Envelope.from_bytes(folder.active_approvals.read_bytes())
        ours = open_active_approvals(envelope, roster, station=station, now=now)
    except PhtlabError as error:
        return _stale(error.message)
    try:
        active = central.governance.active_approvals(station)
        theirs = open_active_approvals(active.envelope, roster, station=station, now=now).number
    except ApprovalError:
        theirs = 0
    except PhtlabError as error:
        return _stale(error.message)
    if theirs < ours.number:
        return _stale("Central shows an older list of what stands than this station has signed.")
    return CheckResult("approvals", True, f"{len(ours.approvals)} stand; central shows the list.")


def _stale(sentence: str) -> CheckResult:
    return CheckResult(
        "approvals",
        True,
        sentence,
        "phtlab station run: it signs the list anew and brings it to central",
        warning=True,
    )
