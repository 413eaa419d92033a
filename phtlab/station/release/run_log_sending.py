"""Seal, sign and send released logs; only the daemon has the key.

Each step leaves a file in the stop's folder, and can be repeated::

    log.age              the sealed log
    log-statement.json   the station's signed statement about it
    log-sent.json        it is in the registry; log.age is gone
"""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from pathlib import Path

import structlog

from phtlab.errors import CentralError, PhtlabError, RegistryError
from phtlab.files.durable_file import replaced_durably
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.release.run_log import (
    LOG,
    log_text,
    marks_of,
    persons_for_log,
    require_same_log,
)
from phtlab.station.release.votes import Vote, outcome_of, votes_on
from phtlab.station.retry_delays import Backoff
from phtlab.station.safe_error_text import safe_error_text
from phtlab.station.stops import stop_files
from phtlab.station.stops.file_contents import Timestamp
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.stop import Stop
from phtlab.train.canonical import digest
from phtlab.train.documents.order import cargo_context, context_digest
from phtlab.train.sealing import seal
from phtlab.train.verify.released_log import ReleasedLog

_PAUSE = 1.0
_PATIENCE = 20  # refusals until a log is given up: the journey's time at central is over
_log = structlog.get_logger("phtlab.station")


def send_released_logs(station: DaemonContext, until: threading.Event) -> None:
    """Send released logs until `until` is set. A log that cannot be sent waits."""
    backoff = Backoff(first=1.0, longest=600.0)
    while not until.wait(_PAUSE):
        # All errors: if the thread ended, the station would send nothing and seem healthy.
        try:
            marks = sorted(marks_of(station.folder).glob("[0-9a-f]*"))
        except OSError as error:
            _log.warning("logs wait", why=error.strerror)
            continue
        for mark in marks:
            now = station.now().timestamp()
            if not backoff.ready(mark.name, now):
                continue
            try:
                send_log(station, mark)
                backoff.succeeded(mark.name)
            except Exception as error:
                why = safe_error_text(error)
                refused = isinstance(error, RegistryError | CentralError)
                changed = isinstance(error, PhtlabError) and error.code == "log-unseen"
                if changed or (refused and backoff.tries(mark.name) >= _PATIENCE):
                    mark.unlink(missing_ok=True)
                    _log.warning("log given up", journey=mark.name[:12], why=why)
                    continue
                seconds = backoff.failed(mark.name, now)
                _log.warning("log waits", journey=mark.name[:12], seconds=round(seconds), why=why)


def send_log(station: DaemonContext, mark: Path) -> bool:
    """Send the log of the stop that `mark` names, if enough people released it. Idempotent.

    Returns whether the log was sent. Raises StationError, RosterError, SealError, UnreachableError,
    RegistryError, CentralError, OSError: then the caller tries again. But not after StationError
    (``log-unseen``): the log is not the log that people released, and stays.
    """
    stop = station.stops.stop(mark.name)
    words = votes_on(stop, LOG)
    persons = persons_for_log(words, station.policy().release.persons("high"))
    if outcome_of(words, persons) is None:
        return False  # the mark stays for the second person's vote
    if not stop.has(Marker.LOG_SENT):
        if not stop.has(Marker.LOG_STATEMENT):
            _seal(stop, station, words)
        statement = stop.read(stop_files.LOG_STATEMENT)
        station.artifacts.deliver_log(stop.journey, station.name, sealed_log(stop), statement)
        stop.write(stop_files.LOG_SENT, Timestamp())
        station.audit.append(
            actor=station.name,
            action="log-sent",
            subject=stop.journey,
            digest=statement.digest,
        )
    sealed_log(stop).unlink(missing_ok=True)
    mark.unlink(missing_ok=True)
    return True


def sealed_log(stop: Stop) -> Path:
    return stop.path / "log.age"


def _seal(stop: Stop, station: DaemonContext, words: Sequence[Vote]) -> None:
    text = log_text(stop).encode()
    require_same_log(words, digest(text))
    order = stop.verified_offer().order
    roster = station.roster_cache.now().roster
    recipients = [roster.member(name).keys.age for name in order.recipients]
    context = cargo_context(stop.journey, order, station.name, "log")
    with replaced_durably(sealed_log(stop)) as target:
        sealed = seal(io.BytesIO(text), target, recipients, context)
    statement = ReleasedLog(
        journey=stop.journey,
        train=order.train,
        station=station.name,
        stop=order.stop_of(station.name),
        log=sealed.digest,
        size=sealed.size,
        context=context_digest(context),
        roster_version=roster.version,
        at=station.now().replace(microsecond=0),
    ).sign(station.identity)
    stop.write(stop_files.LOG_STATEMENT, statement)
