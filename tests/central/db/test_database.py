"""The database: its migrations, the one order of changes, and addresses that cannot be used."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError

from phtlab.central.db.database import Database, _alembic
from phtlab.central.db.tables import Table
from phtlab.central.settings import CentralSettings
from phtlab.errors import SettingsError
from phtlab.train.crypto.identity import Identity
from tests.governance import documents
from tests.limits import join
from tests.raising import raises_code


def test_the_migrations_make_the_tables_of_the_code(database_url: str) -> None:
    database = _migrated(database_url)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Table.metadata) == []
    database.close()


def test_the_migrations_can_be_taken_back(database_url: str) -> None:
    database = _migrated(database_url)
    with database.engine.connect() as connection, connection.begin():
        command.downgrade(_alembic(connection), "base")
    assert inspect(database.engine).get_table_names() == ["alembic_version"]
    database.migrate()
    database.close()


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    database = _migrated(database_url)
    database.migrate()
    database.close()


def test_trains_and_journeys_of_before_keep_each_other(database_url: str) -> None:
    """Migration 2: a journey of the time when an image had one author is of that author's train."""
    database = Database(_psycopg(database_url))
    with database.engine.connect() as connection, connection.begin():
        command.upgrade(_alembic(connection), "0001")
        for statement in (
            "INSERT INTO train VALUES ('sha256:t', 1, 'heart', 'ada', 'trains/ada/heart', "
            "'sha256:k', 'python', '2026-01-01', '{}', NULL)",
            "INSERT INTO journey VALUES ('sha256:j', 2, 'sha256:t', 'parallel', 'bob', "
            "'2026-01-01', '2026-01-02', false, '{}', NULL)",
            "INSERT INTO party VALUES ('sha256:j', 'bob', true)",
        ):
            connection.execute(text(statement))
    database.migrate()
    with database.read() as session:
        found = session.execute(text("SELECT train_digest, train_author FROM journey")).one()
        assert tuple(found) == ("sha256:t", "ada")
        assert session.execute(text("SELECT member FROM party")).scalar() == "bob"
        rounds = session.execute(text("SELECT round_number, rounds_ended FROM journey")).one()
        assert (rounds.round_number, bool(rounds.rounds_ended)) == (None, False)
        combined = session.execute(text("SELECT aggregator, rounds_finishing FROM journey")).one()
        assert (combined.aggregator, bool(combined.rounds_finishing)) == (None, False)
        if not database.is_postgresql:
            assert session.execute(text("PRAGMA foreign_keys")).scalar() == 1
            assert session.execute(text("PRAGMA foreign_key_check")).all() == []
    with pytest.raises(IntegrityError), database.note() as session:
        session.execute(text("UPDATE journey SET train_author = 'nobody'"))
    database.close()


def test_approvals_in_version_1_are_of_no_keys(database_url: str) -> None:
    """Migration 9: an approval that no station can honour any more is not shown as active."""
    key = Identity.generate("ulm")
    approval = documents.approval(None, None)
    older, current = documents.approval_of_version_1(approval, key), approval.sign(key)
    database = Database(_psycopg(database_url))
    values = "(:d, :n, 'ulm', 'ada', '2026-01-01', '2027-01-01', :k, :e)"
    columns = "(digest, number, station, researcher, submitted, expires, keys, envelope)"
    keys = " ".join(sorted(key.public.key_ids().values()))

    def kept() -> dict[str, str]:
        with database.read() as session:
            rows = session.execute(text("SELECT digest, keys FROM approval")).all()
        return {row.digest: row.keys for row in rows}

    with database.engine.connect() as connection, connection.begin():
        command.upgrade(_alembic(connection), "0008")
        for number, envelope in enumerate((older, current), 1):
            row = {"d": envelope.digest, "n": number, "k": keys, "e": envelope.to_bytes().decode()}
            connection.execute(text(f"INSERT INTO approval {columns} VALUES {values}"), row)
    database.migrate()
    assert kept() == {older.digest: "", current.digest: keys}
    with database.engine.connect() as connection, connection.begin():
        command.downgrade(_alembic(connection), "0008")
    assert kept() == {older.digest: keys, current.digest: keys}
    database.close()


def test_replicas_that_start_together_migrate_once(database_url: str) -> None:
    databases = [Database(_psycopg(database_url)) for _ in range(3)]
    failed: list[BaseException] = []

    def migrate(database: Database) -> None:
        try:
            database.migrate()
        except BaseException as error:
            failed.append(error)

    if databases[0].is_postgresql:  # SQLite has one process: it migrates alone.
        threads = [threading.Thread(target=migrate, args=(d,)) for d in databases]
        for thread in threads:
            thread.start()
        for thread in threads:
            join(thread)
    else:
        migrate(databases[0])
    assert failed == []
    for database in databases:
        database.close()


def test_changes_become_visible_in_the_order_of_their_numbers(database_url: str) -> None:
    """Whoever saw number n has missed nothing below it: readers never see a gap fill up."""
    database = _migrated(database_url)
    with database.note() as session:
        session.execute(text("CREATE TABLE seen (number BIGINT)"))
    done = threading.Event()
    gaps: list[list[int]] = []

    def write() -> None:
        for _ in range(25):
            with database.change() as change:
                number = change.tick()
                change.session.execute(text("INSERT INTO seen VALUES (:n)"), {"n": number})

    def read() -> None:
        while not done.is_set():
            with database.read() as session:
                numbers = sorted(session.scalars(text("SELECT number FROM seen")))
            if numbers != list(range(1, len(numbers) + 1)):
                gaps.append(numbers)

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write) for _ in range(4)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        join(thread)
    done.set()
    join(reader)
    assert gaps == []
    with database.read() as session:
        assert session.scalar(text("SELECT count(*) FROM seen")) == 100
    database.close()


def test_topics_are_told_after_the_commit_and_not_after_a_failure(database_url: str) -> None:
    told: list[str] = []
    database = Database(_psycopg(database_url), report=told.extend)
    database.migrate()
    with database.change() as change:
        change.notify("a")
        assert told == []
    assert told == ["a"]
    with pytest.raises(ZeroDivisionError), database.change() as change:
        change.notify("b")
        _ = 1 / 0
    assert told == ["a"]
    database.close()


def test_a_database_that_cannot_be_opened_is_told_without_its_password() -> None:
    database = Database("postgresql+psycopg://me:SECRET@127.0.0.1:9/none")
    with raises_code(SettingsError, "database-unopened") as refused:
        database.migrate()
    assert "SECRET" not in str(refused.value)
    database.close()


def test_sqlite_keeps_a_write_ahead_log_and_foreign_keys(tmp_path: Path) -> None:
    database = _migrated(f"sqlite:///{tmp_path / 'c.sqlite'}")
    with database.read() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA foreign_keys")) == 1
    database.close()


def _psycopg(url: str) -> str:
    return CentralSettings(directory=Path("/"), name="pht", database=url).database_url


def _migrated(url: str) -> Database:
    database = Database(_psycopg(url))
    database.migrate()
    return database
