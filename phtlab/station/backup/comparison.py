"""Comparison of a restored station with central: what the station lost since the backup.

The comparison accepts from central only what this station signed itself: its revocations and stop
records. Central can hide some of them, so a person reviews the approvals that are active again
before resuming the station; it cannot forge any.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from phtlab.errors import PhtlabError, StationError
from phtlab.governance.approval import open_approval, open_revocation
from phtlab.station.approvals.store import Approvals
from phtlab.station.backup.lost_history import LostHistory, forget
from phtlab.station.backup.restore import Restored, postpone_orders, restored_of
from phtlab.station.context import maintenance
from phtlab.station.context.bootstrap import require_central, trust_of
from phtlab.station.context.station_context import StationContext
from phtlab.station.data.datasets import load_datasets
from phtlab.station.stops import stop_files
from phtlab.station.stops.file_contents import (
    Ending,
    RecordReported,
)
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.sentences import (
    STATION,
)
from phtlab.station.stops.stop import Stop
from phtlab.train.crypto.identity import Identity, Member
from phtlab.train.documents.envelope import Envelope, open_statement, peek
from phtlab.train.documents.record import RECORD_TYPE, StopRecord
from phtlab.train.documents.roster import Roster
from phtlab.wire.api.journeys import JourneyView
from phtlab.wire.central.audit import opened
from phtlab.wire.central.client import CentralClient

MOST_AHEAD: Final = timedelta(days=1)
_CODE = "station-restored"


@dataclass
class RestoreLoss:
    """What happened after the backup, as far as it can be known."""

    restored: Restored
    queried_central: bool
    still_runs: bool = False
    """Another station with this name and key polled central after this one was restored."""
    entries: int = 0
    """Number of audit log entries that another member has seen and that are lost."""
    seen_by: str = ""
    witnessed: int = 0
    """Highest entry number that others have seen: the log continues above it, and records that."""
    approvals: list[str] = field(default_factory=list)
    """Approvals given after the backup, which are no longer active."""
    revocations: list[str] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    """Journeys whose end was lost: the record that this station signed is restored from central."""
    journeys: list[str] = field(default_factory=list)
    """Journeys that the backup does not contain and of which central has this station's record."""
    ended: list[str] = field(default_factory=list)
    """Stops unfinished in the backup that this comparison ended as `station-restored`."""
    clock_ahead: bool = False
    """Central's clock was too far ahead to be accepted: `MOST_AHEAD` was used instead."""
    forgotten: list[str] = field(default_factory=list)
    """Data sets whose release history is no longer known completely."""
    active_approvals: list[str] = field(default_factory=list)
    """Approvals that are active again: a person must confirm each of them."""


def compare(
    station: StationContext, identity: Identity, *, by: str, query_central: bool = True
) -> RestoreLoss:
    """Restore what central can prove, end stops with an unknown outcome, and return the losses.

    Without `query_central`, for a central that is gone, every open stop is ended. Idempotent; the
    station may be resumed afterwards. Raises StationError (``not-restored``), and what central's
    client raises.
    """
    restored = restored_of(station.folder)
    if restored is None:
        raise StationError(
            f"{station.name} was not restored from a backup: there is nothing to compare.",
            code="not-restored",
        )
    lost = RestoreLoss(restored, query_central)
    if query_central:
        url = require_central(station.folder, station.settings)
        with CentralClient(url, identity) as central:
            _heed_clock(station, central.info().time, lost)
            roster = trust_of(station.folder, central).refresh().roster
            _approvals(station, central, roster, lost)
            _log(station, central, roster, lost)
            _journeys(station, central, identity, lost)
            lost.still_runs = _another_runs(station, central, restored)
    for stop in list(station.stops):
        if not stop.has(Marker.RECORD):
            _end(stop)
            lost.ended.append(stop.journey)
    lost.active_approvals = [
        kept.digest
        for kept in Approvals(station.folder)
        if Approvals(station.folder).state(kept, station.name, station.now(), station.roster())
        == "active"
    ]
    if lost.journeys or lost.records or lost.ended or not query_central:
        lost.forgotten = sorted(load_datasets(station.folder))
        since = LostHistory(since=restored.backed_up, datasets=tuple(lost.forgotten))
        forget(station.folder, since)
    head = station.audit.head().number
    station.audit.go_on_after_loss(
        max(lost.witnessed, head),
        actor=by,
        details={
            "backup": restored.backed_up.isoformat(),
            "central": "asked" if query_central else "not asked",
            "records": str(len(lost.records) + len(lost.journeys)),
            "ended": str(len(lost.ended)),
            "approvals": str(len(lost.approvals)),
            "revocations": str(len(lost.revocations)),
        },
    )
    maintenance.release_hold(station)
    return lost


def _heed_clock(station: StationContext, central_time: datetime, lost: RestoreLoss) -> None:
    """Refuse orders up to central's time if it is ahead, but by at most `MOST_AHEAD`.

    The station may have run orders issued up to then. The bound keeps a central with a wrong clock,
    such as the year 9999, from having every order refused.
    """
    most = station.now() + MOST_AHEAD
    lost.clock_ahead = central_time > most
    postpone_orders(station.folder, min(central_time, most))


def _another_runs(station: StationContext, central: CentralClient, restored: Restored) -> bool:
    """Whether another station of this name polled central since the restore.

    Before its first comparison, the restored station itself cannot have polled.
    """
    kept = maintenance.pause_of(station.folder)
    return (
        kept is not None
        and bool(kept.held)
        and any(
            view.last_seen is not None and view.last_seen > restored.at
            for view in central.stations()
            if view.name == station.name
        )
    )


def _approvals(
    station: StationContext, central: CentralClient, roster: Roster, lost: RestoreLoss
) -> None:
    """Take over revocations from central, but not approvals.

    Central could hide the revocation of an approval, so a person approves again what should be
    active.
    """
    kept = Approvals(station.folder)
    digests_here = {approval.digest for approval in kept}
    listed = central.governance.approvals(station=station.name)
    for view in listed:
        try:
            approval = open_approval(view.envelope, roster)
            revocation = open_revocation(view.revocation, roster) if view.revocation else None
        except PhtlabError:
            continue  # not signed as required: ignore it
        digest = view.envelope.digest
        if approval.station != station.name:
            continue
        if digest not in digests_here:
            if revocation is None:
                lost.approvals.append(digest)
        elif (
            view.revocation is not None
            and revocation is not None
            and (revocation.station, revocation.approval) == (station.name, digest)
            and not kept.revoked(digest)
        ):
            kept.keep_revocation(digest, view.revocation)
            lost.revocations.append(digest)


def _log(
    station: StationContext, central: CentralClient, roster: Roster, lost: RestoreLoss
) -> None:
    """Count the entries of the log that others have seen and that are lost."""
    verified, _ = opened(list(central.audit.checkpoints(station.name)), roster)
    seen = [checkpoint for checkpoint, _ in verified if checkpoint.log == station.name]
    furthest = max(seen, key=lambda checkpoint: checkpoint.number, default=None)
    if furthest is not None and furthest.number > lost.restored.entries:
        lost.entries = furthest.number - lost.restored.entries
        lost.seen_by, lost.witnessed = furthest.witness, furthest.number


def _journeys(
    station: StationContext, central: CentralClient, identity: Identity, lost: RestoreLoss
) -> None:
    """Take over the records that this station signed and central has."""
    known = {stop.journey: stop for stop in station.stops}
    for view in _known_to(central):
        record = _record(view, identity)
        if record is None:
            continue
        stop = known.get(view.id)
        if stop is None:
            finished = StopRecord.model_validate(peek(record).predicate).finished
            if finished >= lost.restored.backed_up.replace(microsecond=0):  # as in records
                lost.journeys.append(view.id)
        elif not stop.has(Marker.RECORD):
            stop.write(stop_files.RECORD, record)
            stop.write(stop_files.REPORTED, RecordReported())
            lost.records.append(view.id)


def _known_to(central: CentralClient) -> Iterator[JourneyView]:
    before: int | None = None
    while True:
        page = central.journeys(before=before)
        yield from page.journeys
        if page.next is None or page.next == before:
            return
        before = page.next


def _record(view: JourneyView, identity: Identity) -> Envelope | None:
    """Return the record of this station's stop, if central has one that this station signed."""
    own = Member(name=identity.name, roles=("station",), keys=identity.public)
    for stop in view.stops:
        if stop.station == identity.name and stop.record is not None:
            try:
                statement, _ = open_statement(stop.record, RECORD_TYPE, (own,))
            except PhtlabError:
                return None
            return stop.record if statement.predicate.get("journey") == view.id else None
    return None


def _end(stop: Stop) -> None:
    """End a stop whose outcome is unknown: a new run could be its second."""
    if not stop.has(Marker.ENDING):
        ending = Ending(outcome="failed", code=_CODE, sentence=STATION[_CODE])
        stop.write(stop_files.ENDING, ending)
