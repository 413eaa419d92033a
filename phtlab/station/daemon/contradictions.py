"""Contradictions: two different records of one stop, both signed with this station's key.

They prove that the station's folder was copied. Central names the journeys, and the two records are
the proof. A station that has verified a proof pauses itself, once for each journey, holds outputs
with person counts until a person accepts that the copy's released outputs are unknown, and stores
the proof::

    contradictions/<journey>.json   both records, as they were signed
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import structlog
from pydantic import AwareDatetime, ValidationError

from phtlab.errors import PhtlabError, RecordError, UnreachableError
from phtlab.files.durable_file import write_durably
from phtlab.station.backup.lost_history import LostHistory, forget
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.context.maintenance import pause_contradicted
from phtlab.station.retry_delays import Backoff
from phtlab.strict_model import StrictModel
from phtlab.train.canonical import canonical
from phtlab.train.documents.envelope import Envelope, peek
from phtlab.train.documents.order import Order
from phtlab.train.verify import verify_contradiction

_log = structlog.get_logger("phtlab.station")


class Contradiction(StrictModel):
    """A stored proof. `records` are the one that central keeps and the later one."""

    seen: AwareDatetime
    records: tuple[Envelope, Envelope]


class Contradictions:
    """Checks the contradictions that central reports. All state that matters is in files."""

    def __init__(self, station: DaemonContext) -> None:
        self._station = station
        self._backoff = Backoff(first=30.0, longest=3600.0)

    def import_records(self, journeys: Iterable[str]) -> bool:
        """Pause the station if one of `journeys` is new and proven. Return whether one was.

        Raises UnreachableError, AuditError, OSError: everything is checked again then.
        """
        found = False
        for journey in journeys:
            now = self._station.now().timestamp()
            if self._path(journey).exists() or not self._backoff.ready(journey, now):
                continue
            try:
                records = self._proof(journey)
            except UnreachableError:
                raise
            except PhtlabError as error:
                self._backoff.failed(journey, now)
                _log.warning("contradiction not proven", journey=journey, code=error.code)
                continue
            self._keep(journey, records)
            found = True
        return found

    def _proof(self, journey: str) -> tuple[Envelope, Envelope]:
        """Fetch and verify both records of this station's stop. Raises PhtlabError if unproven."""
        station = self._station
        view = station.central.journey(journey)
        stop = next((stop for stop in view.stops if stop.station == station.name), None)
        if view.order.digest != journey or not stop or not stop.record or not stop.conflict:
            raise RecordError(
                "Central speaks of two records of this journey, and does not show them.",
                code="record-same",
            )
        records = stop.record, stop.conflict
        try:
            order = Order.model_validate(peek(view.order).predicate)
        except ValidationError:
            raise RecordError(
                "Central shows no order of this journey.", code="record-same"
            ) from None
        verify_contradiction(
            records,
            journey=journey,
            order=order,
            roster=station.roster_cache.now().roster,
            station=station.name,
        )
        return records

    def _keep(self, journey: str, records: tuple[Envelope, Envelope]) -> None:
        """Pause first, then store the proof: after a kill in between, the proof is found again."""
        station = self._station
        pause_contradicted(station, journey, record=records[1].digest)
        # The copy's released outputs are unknown: as after a restore, outputs with person counts
        # are held.
        forget(
            station.folder,
            LostHistory(since=station.now(), datasets=tuple(sorted(station.declared()))),
        )
        _log.error(
            "two records of one journey: the station is paused",
            journey=journey,
            records=[record.digest for record in records],
            advice="End the copy of this folder, then: phtlab station resume --copy-ended",
        )
        self._path(journey).parent.mkdir(mode=0o700, exist_ok=True)
        kept = Contradiction(seen=station.now(), records=records)
        write_durably(self._path(journey), canonical(kept.model_dump(mode="json")))

    def _path(self, journey: str) -> Path:
        hex_digits = journey.removeprefix("sha256:")
        return self._station.folder.contradictions / f"{hex_digits}.json"
