"""What a restored station has forgotten, by what central knows of it.

Central is believed in nothing but what this station signed itself: its revocations and stop
records. It can hide some of them: so what stands again is shown to a person, who resumes the
station only then. It can invent none.
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
    """Another station with this name and key asked central for work since this one was restored."""
    entries: int = 0
    """Entries of the audit log that someone has seen and that are gone."""
    seen_by: str = ""
    witnessed: int = 0
    """How far others have seen the log: it goes on above that, and says so."""
    approvals: list[str] = field(default_factory=list)
    """Given after the backup: they do not stand any more."""
    revocations: list[str] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    """Journeys whose end was forgotten: the record that this station signed is here again."""
    journeys: list[str] = field(default_factory=list)
    """Journeys of which this station knew nothing any more, that central has its record of."""
    ended: list[str] = field(default_factory=list)
    """Stops that had not ended in the backup and now have, as `station-restored`."""
    clock_ahead: bool = False
    """Central's clock was too far ahead to be believed: `MOST_AHEAD` was taken instead."""
    forgotten: list[str] = field(default_factory=list)
    """Data sets of which it is not known any more what has left."""
    active_approvals: list[str] = field(default_factory=list)
    """The approvals that stand again: a person must say that each still should."""


def compare(
    station: StationContext, identity: Identity, *, by: str, query_central: bool = True
) -> RestoreLoss:
    """Take over what central can show, end what nobody knows the end of, and say what was lost.

    Without `query_central` for a central that is gone: then every open stop is ended. Idempotent;
    afterwards the station may be resumed. Raises StationError (``not-restored``), and what
    central's client raises.
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
    """Its clock counts if it is ahead: so much later may an order have been followed. But no more
    than clocks may be wrong: a central of the year 9999 would have every order refused."""
    most = station.now() + MOST_AHEAD
    lost.clock_ahead = central_time > most
    postpone_orders(station.folder, min(central_time, most))


def _another_runs(station: StationContext, central: CentralClient, restored: Restored) -> bool:
    """Whether a station of this name asked for work since: before it was compared, this one cannot
    have been it."""
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
    """Revocations are taken over, approvals are not: central could have kept the one that ended
    one of them, so a person approves again what should stand."""
    kept = Approvals(station.folder)
    digests_here = {approval.digest for approval in kept}
    listed = central.governance.approvals(station=station.name)
    for view in listed:
        try:
            approval = open_approval(view.envelope, roster)
            revocation = open_revocation(view.revocation, roster) if view.revocation else None
        except PhtlabError:
            continue  # not signed as it should be: nothing of ours
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
    """How much of the log others have seen that is gone."""
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
            if finished >= lost.restored.backed_up.replace(microsecond=0):  # as records have it
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
    """The record of this station's stop, if central has one that this station signed."""
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
    """What became of it is not known: whatever runs of it would be a second time."""
    if not stop.has(Marker.ENDING):
        ending = Ending(outcome="failed", code=_CODE, sentence=STATION[_CODE])
        stop.write(stop_files.ENDING, ending)
