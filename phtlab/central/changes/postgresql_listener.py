"""Change notices from other replicas, by PostgreSQL's NOTIFY. SQLite serves one process only."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from typing import Final

import psycopg
import structlog
from sqlalchemy import text

from phtlab.central.changes.bus import ChangeBus
from phtlab.central.db.database import CHANNEL, Database
from phtlab.errors import CentralUnreachableError

_POLL_SECONDS: Final = 5.0
_log = structlog.get_logger("phtlab.central")


class ChangeListener:
    """A thread that passes on the database's notices. While cut off, waiting requests poll."""

    def __init__(self, database: Database, changes: ChangeBus) -> None:
        self._database = database
        self._bus = changes
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start to listen, if the database is PostgreSQL."""
        if self._database.is_postgresql:
            self._thread = threading.Thread(target=self._listen, name="news", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop: at once if the database answers, else within seconds."""
        self._ended.set()
        if self._thread is not None:
            with suppress(CentralUnreachableError), self._database.note() as session:
                session.execute(text("SELECT pg_notify(:channel, '[]')"), {"channel": CHANNEL})
            self._thread.join()

    def _listen(self) -> None:
        while not self._ended.is_set():
            try:
                with psycopg.connect(self._database.dsn, autocommit=True) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    while not self._ended.is_set():
                        for note in connection.notifies(timeout=_POLL_SECONDS, stop_after=1):
                            self._bus.notify(json.loads(note.payload))
            except psycopg.Error as lost:
                _log.warning("news-lost", error=type(lost).__name__)
                self._ended.wait(1.0)
