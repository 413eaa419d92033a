"""Poll of the database every few seconds, for all waiting stations and rounds at once.

A notice from another replica may be lost. One small query finds all changes since the last poll:
one query per waiting station, with a thousand of them, would keep central busy.
"""

from __future__ import annotations

import threading

import structlog
from sqlalchemy import select

from phtlab.central.changes import bus
from phtlab.central.changes.bus import ChangeBus
from phtlab.central.db.database import Database
from phtlab.central.db.tables import ClockRow, EventRow, ProposalPartyRow, ProposalRow, StopRow
from phtlab.errors import CentralUnreachableError

_log = structlog.get_logger("phtlab.central")


class DatabaseWatch:
    """A thread that wakes those with a change since the last poll. Not thread-safe."""

    def __init__(self, database: Database, changes: ChangeBus, seconds: float) -> None:
        self._database = database
        self._bus = changes
        self._seconds = seconds
        self._seen = -1
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="news-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def poll(self) -> None:
        """Wake stations and rounds with a change since then. Raises CentralUnreachableError."""
        with self._database.read() as session:
            # Changes commit in the order of their numbers: all below this one are committed.
            number = session.scalar(select(ClockRow.number)) or 0
            before, self._seen = self._seen, number
            if number == before:
                return
            if number < before or before < 0:
                self._bus.notify_all()  # another database, or an older state of it
                return
            changed = (
                select(StopRow.station)
                .join(EventRow, EventRow.journey_id == StopRow.journey_id)
                .where(EventRow.number > before, EventRow.rounds.is_(None))
                .distinct()
            )
            proposed = (
                select(ProposalPartyRow.member)
                .join(ProposalRow, ProposalRow.id == ProposalPartyRow.proposal_id)
                .where(ProposalRow.changed > before)
            )
            went_on = select(EventRow.journey_id).where(
                EventRow.number > before, EventRow.rounds.is_not(None)
            )
            stations = {*session.scalars(changed), *session.scalars(proposed)}
            journeys = set(session.scalars(went_on))
        self._bus.notify(map(bus.of_station, stations))
        for topic in (bus.of_rounds, bus.of_instructions):
            self._bus.notify(map(topic, journeys))

    def _watch(self) -> None:
        while not self._ended.wait(self._seconds):
            try:
                self.poll()
            except CentralUnreachableError:
                _log.warning("news-watch", why="the database does not answer")
