"""Central for tests: the real server over loopback, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from phtlab.central.context import CentralContext
from phtlab.central.db.database import Database
from phtlab.central.db.tables import Table
from phtlab.central.hub.users import Hub
from phtlab.central.server import serving
from tests.central.hub.hub_simulator import API, HubSimulator
from tests.central.postgresql import new_database, postgresql
from tests.central.world import Clock, Founding, World, found

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.engine)]


@pytest.fixture(scope="session")
def founding(tmp_path_factory: pytest.TempPathFactory) -> Founding:
    """One consortium and one central folder for all tests: each test has its own database."""
    return found(tmp_path_factory.mktemp("founding"))


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    with postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def prepared_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with empty tables, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "central.sqlite"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def prepared_postgresql(postgresql_server: str) -> str:
    """A database with tables, which `_emptied` empties."""
    url = new_database(postgresql_server)
    _migrate(url.replace("postgresql:", "postgresql+psycopg:"))
    return url


@pytest.fixture(params=DATABASES)
def ready_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database of either kind with empty tables: made faster than anew."""
    if request.param == "sqlite":
        return copied(request.getfixturevalue("prepared_sqlite"), tmp_path)
    return _emptied(request.getfixturevalue("prepared_postgresql"))


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'central.sqlite'}"
    return new_database(request.getfixturevalue("postgresql_server"))


@pytest.fixture
def central(ready_database_url: str, founding: Founding) -> Iterator[World]:
    """A running central on either database, with the roster published."""
    yield from run_central(ready_database_url, founding)


@pytest.fixture
def small_central(prepared_sqlite: Path, tmp_path: Path, founding: Founding) -> Iterator[World]:
    """The same on SQLite only, for what has nothing to do with the database."""
    yield from run_central(copied(prepared_sqlite, tmp_path), founding)


@pytest.fixture
def hub() -> HubSimulator:
    return HubSimulator()


@pytest.fixture
def hub_central(
    prepared_sqlite: Path, tmp_path: Path, founding: Founding, hub: HubSimulator
) -> Iterator[World]:
    """A central that belongs to the simulated `hub`, under /services/central/."""
    yield from run_central(
        copied(prepared_sqlite, tmp_path),
        founding,
        hub.hub(),
        prefix="/services/central/",
        hub_api_url=API,
        hub_token="secret",
        hub_client_id="service-central",
        poll_seconds=0.1,
    )


def run_central(
    database_url: str, founding: Founding, hub: Hub | None = None, **changes: object
) -> Iterator[World]:
    settings = founding.central.settings.model_copy(update={"database": database_url, **changes})
    clock = Clock()
    services = replace(CentralContext.of(settings, clock), hub=hub)
    with serving(settings, services) as url:
        world = World(url, settings, services, founding, clock)
        try:
            world.client(None).publish_roster(founding.bundle())
            yield world
        finally:
            world.close()


def _migrate(url: str) -> None:
    database = Database(url)
    database.migrate()
    database.close()


def copied(prepared: Path, folder: Path) -> str:
    shutil.copy(prepared, folder / "central.sqlite")
    return f"sqlite:///{folder / 'central.sqlite'}"


def _emptied(url: str) -> str:
    names = ", ".join(table.name for table in Table.metadata.sorted_tables)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {names}")
        connection.execute("INSERT INTO clock (id, number) VALUES (1, 0)")
    return url
