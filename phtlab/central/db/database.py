"""The database: SQLite or PostgreSQL, reads, and changes in one order.

Every change first locks the single clock row and increments it. So changes commit in the order
of their numbers, and a reader that has seen number n has missed none below it. Cursors and
`Last-Event-ID` rely on this.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import structlog
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, Update, create_engine, event, select, text, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from phtlab.central.db.tables import ClockRow
from phtlab.clock import utc_now
from phtlab.errors import CentralUnreachableError, SettingsError
from phtlab.governance.audit.chain import log_of_central

CHANNEL: Final = "phtlab_news"
_TOPICS_A_NOTE: Final = 50  # PostgreSQL's NOTIFY carries less than 8,000 bytes.
_log = structlog.get_logger("phtlab.central")
_REST_SECONDS: Final = 2.0
# Built once: each change executes them.
_LOCK: Final = select(ClockRow.id).where(ClockRow.id == 1).with_for_update()
_TICK: Final = (
    update(ClockRow)
    .where(ClockRow.id == 1)
    .values(number=ClockRow.number + 1)
    .returning(ClockRow.number)
)
_NOTIFY: Final = text("SELECT pg_notify(:channel, :note)")
_MIGRATION_LOCK: Final = 0x70_68_74_6C_61_62


@dataclass
class Change:
    """A transaction that changes something. Its `topics` are notified after the commit.

    `log` is the name of the audit log that records it.
    """

    session: Session
    now: datetime
    log: str
    topics: set[str] = field(default_factory=set)

    def tick(self) -> int:
        """Increment the clock; return the number of this change or, called again, the next one."""
        return self.session.connection().scalars(_TICK).one()

    def notify(self, *topics: str) -> None:
        self.topics.update(topics)


class Database:
    """Central's database. Calls `report` with the changed topics after each commit."""

    def __init__(
        self,
        url: str,
        *,
        report: Callable[[Iterable[str]], None] = lambda topics: None,
        clock: Callable[[], datetime] = utc_now,
        consortium: str = "",
    ) -> None:
        self.engine = _engine(url)
        self.clock = clock
        self.log = log_of_central(consortium)
        self._report = report
        self._for_change = self.engine.execution_options(phtlab_change=True)
        # In PostgreSQL, each statement sees what is committed by then, even in a transaction:
        # without one, a read takes one round trip, not three. SQLite reads one state in each.
        self._for_read = (
            self.engine.execution_options(isolation_level="AUTOCOMMIT")
            if self.is_postgresql
            else self.engine
        )

    @property
    def is_postgresql(self) -> bool:
        return self.engine.dialect.name == "postgresql"

    @property
    def dsn(self) -> str:
        """The address in libpq's format. It may hold a password: never log it."""
        url = self.engine.url.set(drivername="postgresql")
        return url.render_as_string(hide_password=False)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session to read. This, and each write, raises CentralUnreachableError."""
        with _answering(), Session(self._for_read, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection to read with statements built once, without a session's overhead."""
        with _answering(), self._for_read.connect() as connection:
            yield connection

    @contextmanager
    def change(self) -> Iterator[Change]:
        """Run a transaction in the one order of changes."""
        with _answering(), Session(self._for_change, expire_on_commit=False) as session:
            with session.begin():
                session.connection().execute(_LOCK)
                change = Change(session, self.clock(), self.log)
                yield change
                if self.is_postgresql:
                    _notify(session, change.topics)
            self._report(change.topics)

    @contextmanager
    def note(self, topics: set[str] | None = None) -> Iterator[Session]:
        """Run a small write that needs no order, such as when a station was last seen.

        Topics that the writer adds to `topics` are notified after the commit.
        """
        topics_noted = set() if topics is None else topics
        with _answering(), Session(self._for_change, expire_on_commit=False) as session:
            with session.begin():
                yield session
                if topics_noted and self.is_postgresql:
                    _notify(session, topics_noted)
            self._report(topics_noted)

    def note_at_once(self, statement: Update, values: Mapping[str, Any]) -> int:
        """Run `note` for one statement, one trip to PostgreSQL; return how many rows changed."""
        engine = self._for_read if self.is_postgresql else self._for_change
        with _answering(), engine.begin() as connection:
            return connection.execute(statement, values).rowcount

    def migrate(self) -> None:
        """Migrate the tables to this release. Raises SettingsError for an unreachable database."""
        try:
            with self._unbound() as connection, connection.begin():
                if self.is_postgresql:  # One replica migrates, the others wait.
                    connection.execute(
                        text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK}
                    )
                command.upgrade(_alembic(connection), "head")
        except OperationalError:
            shown = self.engine.url.render_as_string(hide_password=True)
            raise SettingsError(
                f"The database {shown} cannot be opened.",
                "Check PHTLAB_CENTRAL_DATABASE or 'database' in central.toml, and that its server "
                "runs.",
                code="database-unopened",
            ) from None

    @contextmanager
    def _unbound(self) -> Iterator[Connection]:
        """Open a connection in which SQLite can rebuild a table that others reference.

        https://sqlite.org/lang_altertable.html, section 7; outside of a transaction only.
        """
        with self.engine.connect() as connection:
            line: Any = connection.connection.driver_connection
            if not self.is_postgresql:
                line.execute("PRAGMA foreign_keys=OFF")
            try:
                yield connection
            finally:
                if not self.is_postgresql:
                    line.execute("PRAGMA foreign_keys=ON")

    def answers(self) -> bool:
        """Return whether the database answers now."""
        try:
            with self.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except OperationalError:
            return False
        return True

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def _answering() -> Iterator[None]:
    """Turn errors of an unreachable or full database into CentralUnreachableError: retry later."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError) as error:
        full = "full" in str(error.__cause__).lower() or "No space" in str(error.__cause__)
        _log.error("database", error=type(error.__cause__).__name__, full=full)
        what = "has no room on its disk" if full else "does not answer"
        raise CentralUnreachableError(
            f"Central's database {what}: nothing was changed.",
            "Try again later; central's operator finds the cause in its log.",
            code="central-database",
        ) from error


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        engine = create_engine(
            parsed,
            pool_size=10,
            max_overflow=30,
            hide_parameters=True,  # Keeps members' data out of error messages, and so out of logs.
        )
    except (ArgumentError, ImportError, ModuleNotFoundError):
        raise SettingsError(
            "PHTLAB_CENTRAL_DATABASE or 'database' in central.toml is no address of a database.",
            "Write postgresql://user@host/name, or leave it empty for SQLite.",
            code="database-address",
        ) from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    elif engine.dialect.name == "postgresql":
        _ping_after_rest(engine)
    else:
        raise SettingsError(
            f"Central keeps its data in SQLite or PostgreSQL, not in {engine.dialect.name}.",
            "Change PHTLAB_CENTRAL_DATABASE.",
            code="database-kind",
        )
    return engine


def _ping_after_rest(engine: Engine) -> None:
    """Ping a connection at checkout only after idle time: each ping is another round trip."""

    def note(_: Any, record: Any) -> None:
        record.info["used"] = time.monotonic()

    def ping(connection: Any, record: Any, _: Any) -> None:
        if time.monotonic() - record.info.get("used", -_REST_SECONDS) < _REST_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error:
            raise DisconnectionError from None  # the pool opens another connection

    event.listen(engine, "checkin", note)
    event.listen(engine, "checkout", ping)


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # Switch off the driver's transactions: `_begin_sqlite` starts them.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "foreign_keys=ON",
        "busy_timeout=15000",
        "synchronous=NORMAL",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that begins as a read may conflict when it becomes a write.
    changes = connection.get_execution_options().get("phtlab_change", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if changes else "BEGIN")


def _notify(session: Session, topics: set[str]) -> None:
    ordered = sorted(topics)
    for start in range(0, len(ordered), _TOPICS_A_NOTE):
        note = json.dumps(ordered[start : start + _TOPICS_A_NOTE])
        session.connection().execute(_NOTIFY, {"channel": CHANNEL, "note": note})


def _alembic(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config
