"""Witnessing of audit logs: the station verifies central's log and its own, and signs checkpoints.

Periodically it verifies its own log and signs a checkpoint of its end, which central adds to its
own chain. Then it reads the new entries of central's log, verifies that they continue what it saw
before, and signs a checkpoint, which also covers the other stations' checkpoints.

So a truncated or rewritten log is found at the next verification: central's at every station, a
station's at that station, and both wherever they are verified.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import islice

import structlog

from phtlab.errors import AuditError
from phtlab.governance.audit.chain import (
    START,
    Checkpoint,
    Entry,
    Head,
    log_of_central,
    verify_chain,
)
from phtlab.governance.audit.last_seen import LastSeenHead
from phtlab.station.audit.watch import Alarm, Watch, WatchState, Which
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.retry_delays import Backoff
from phtlab.station.safe_error_text import safe_error_text
from phtlab.train.documents.roster import Roster
from phtlab.wire.api.audit import CheckpointView
from phtlab.wire.central.audit import opened, review_checkpoints

_WHOLE_AGAIN = timedelta(days=1)
_log = structlog.get_logger("phtlab.station")


def watch_logs(station: DaemonContext, until: threading.Event) -> None:
    """Verify both logs now and every `audit_interval` seconds (a setting) until `until` is set."""
    witness, backoff = AuditWitness(station), Backoff(first=5.0, longest=600.0)
    interval = float(station.settings.audit_interval)
    while not until.is_set():
        seconds = interval
        try:
            witness.review_logs()
            backoff.succeeded("review")
        # All errors: otherwise the thread would end, and nothing would verify the logs any more.
        except Exception as error:
            seconds = min(interval, backoff.failed("review", station.now().timestamp()))
            why = safe_error_text(error)
            _log.warning("audit logs not examined", seconds=round(seconds), why=why)
        until.wait(seconds)


class AuditWitness:
    """Verifies both logs for one station. Reads all of central's log at first and once a day."""

    def __init__(self, station: DaemonContext) -> None:
        self._station = station
        self._held = START, sha256().digest()
        self._lines = 0
        self._whole: datetime | None = None

    def review_logs(self) -> tuple[Alarm, ...]:
        """Verify both logs and sign checkpoints; return the alarms that are active after that.

        Raises UnreachableError, CentralError, RosterError, OSError, and AuditError
        (``audit-seen``): the logs could not be verified, try again later.
        """
        roster = self._station.roster_cache.now().roster
        self._watched("own", self._station.name, roster)
        self._watched("central", log_of_central(roster.consortium), roster)
        return Watch.of(self._station.folder).alarms

    def _watched(self, which: Which, log: str, roster: Roster) -> None:
        station = self._station
        before = Watch.of(station.folder).log(which)
        # Another consortium's central has another log.
        last = before.seen if before.seen and before.seen.log == log else None
        try:
            read = self._central if which == "central" else self._own
            now = WatchState(seen=read(log, last, roster))
        except AuditError as error:
            now = WatchState(seen=last, alarm=self._alarm(log, error, before.alarm))
        else:
            if before.alarm is not None:
                _log.info("audit log holds again", log=log)
        Watch.of(station.folder).keep(station.folder, which, now)

    def _central(self, log: str, last: LastSeenHead | None, roster: Roster) -> LastSeenHead:
        station = self._station
        now = station.now()
        whole = self._whole is None or not timedelta(0) <= now - self._whole < _WHOLE_AGAIN
        head, serial, doubtful = review_checkpoints(
            station.central.audit, log, roster, last, whole=whole
        )
        self._whole = now if whole else self._whole
        for view in doubtful:
            _log.warning("checkpoint not believed", witness=view.witness, digest=view.digest)
        if head != (last.head if last else START):
            self._sign(log, head, roster)
            station.audit.append(
                actor=station.name,
                action="log-witnessed",
                subject=log,
                digest=head.digest,
                details={"number": str(head.number)},
            )
        return self._seen(log, head, serial)

    def _own(self, log: str, last: LastSeenHead | None, roster: Roster) -> LastSeenHead:
        # Checkpoints that this station signed: central may hide some, but cannot forge any.
        known = last.serial if last and self._held[0] != START else 0
        views = list(self._station.central.audit.checkpoints(log, known))
        signed = [value for value, _ in opened(views, roster)[0] if value.witness == log]
        if last is not None and (before := last.by(log, roster.version)):
            signed.append(before)
        head = self._own_head(signed)
        if head != START and (last is None or head != last.head):
            views.append(self._sign(log, head, roster))
        serial = max((view.serial for view in views), default=known)
        return self._seen(log, head, max(serial, last.serial if last else 0))

    def _own_head(self, signed: list[Checkpoint]) -> Head:
        """Return the end of this station's log. Raises AuditError.

        The part that was verified before is compared by one digest of all its lines, which takes a
        hundredth of the time; if it differs, all entries are verified, to report the exact error.
        """
        log, hashed, count = self._station.audit, sha256(), self._lines
        start, known = self._held
        lines = log.lines()
        for line in islice(lines, count):
            hashed.update(line + b"\n")
        if hashed.digest() != known:
            lines, hashed, count, start = log.lines(), sha256(), 0, START

        def entries() -> Iterator[Entry]:
            nonlocal count
            for line in lines:
                hashed.update(line + b"\n")
                count += 1
                yield Entry.from_line(line)

        head = verify_chain(entries(), signed, log=log.name, start=start)
        self._held, self._lines = (head, hashed.digest()), count
        return head

    def _sign(self, log: str, head: Head, roster: Roster) -> CheckpointView:
        checkpoint = Checkpoint(
            log=log,
            number=head.number,
            head=head.digest,
            witness=self._station.name,
            roster_version=max(1, roster.version),
            at=self._station.now(),
        )
        signed = checkpoint.sign(self._station.identity)
        return self._station.central.audit.put_checkpoint(signed)

    def _seen(self, log: str, head: Head, serial: int) -> LastSeenHead:
        now = self._station.now()
        return LastSeenHead(log=log, number=head.number, digest=head.digest, at=now, serial=serial)

    def _alarm(self, log: str, error: AuditError, known: Alarm | None) -> Alarm:
        """Log the error each time; return the known alarm, or a new one that is audited once."""
        station = self._station
        _log.error("audit log does not hold", log=log, code=error.code, why=str(error))
        if known is not None and (known.log, known.code) == (log, error.code):
            return known
        if log != station.name:  # The station's own log is left as it was found.
            station.audit.append(
                actor=station.name,
                action="audit-alarm",
                subject=log,
                details={"code": error.code, "reason": str(error)},
            )
        return Alarm(log=log, code=error.code, sentence=str(error), at=station.now())
