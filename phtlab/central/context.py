"""The parts of one running central, made once from its settings, and how a request reaches them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from phtlab.central.changes.bus import ChangeBus
from phtlab.central.db.database import Database
from phtlab.central.hub.users import Hub
from phtlab.central.journeys.station_board import StationBoard
from phtlab.central.limits.concurrency import Concurrency
from phtlab.central.metrics import Metrics
from phtlab.central.registry.token import RegistryTokens, read_registry_key
from phtlab.central.roster.publication import Publication, Published
from phtlab.central.settings import CentralSettings
from phtlab.clock import Clock, utc_now
from phtlab.errors import SettingsError

# All share one interpreter: more threads than these only keep each other, and the loop, waiting.
_LONG_POLL_READS: Final = 4


@dataclass(frozen=True)
class CentralContext:
    """What the routes work with. `clock` is UTC's, `hub` None where central belongs to none."""

    settings: CentralSettings
    database: Database
    bus: ChangeBus
    publication: Publication
    registry_tokens: RegistryTokens
    metrics: Metrics
    clock: Clock
    hub: Hub | None
    board: StationBoard
    concurrency: Concurrency
    long_poll_reads: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(_LONG_POLL_READS)
    )
    """How many long polls read the database at a time."""

    @classmethod
    def of(cls, settings: CentralSettings, clock: Clock = utc_now) -> CentralContext:
        """The services of `settings`. Raises SettingsError if a key or the database is wrong."""
        changes = ChangeBus()
        database = Database(
            settings.database_url, report=changes.notify, clock=clock, consortium=settings.name
        )
        return cls(
            settings=settings,
            database=database,
            bus=changes,
            publication=Publication(
                database,
                settings.name,
                settings.root_file,
                [read_online_key(file) for file in settings.online_key_files],
                timedelta(days=settings.timestamp_days),
            ),
            registry_tokens=RegistryTokens(
                read_registry_key(settings.registry_key_file),
                issuer=settings.registry_issuer,
                service=settings.registry_service,
                seconds=settings.registry_token_seconds,
            ),
            metrics=Metrics(changes),
            clock=clock,
            hub=Hub(settings.hub_api_url) if settings.hub_api_url else None,
            board=StationBoard(),
            concurrency=Concurrency(
                settings.requests_per_address,
                settings.requests_per_member,
                settings.trusted_proxies,
            ),
        )

    def close(self) -> None:
        """Let go of the database and the hub."""
        self.database.close()
        if self.hub is not None:
            self.hub.close()

    @property
    def online(self) -> timedelta:
        return timedelta(seconds=self.settings.online_seconds)


def read_online_key(path: Path) -> Ed25519PrivateKey:
    """Central's TUF key. Raises SettingsError."""
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(
            f"{path} is not central's online key.",
            "Restore it, or make a new central folder and let the officers rotate to its key.",
            code="central-online-key",
        )
    return key


def services_of(request: Request) -> CentralContext:
    services: CentralContext = request.app.state.services
    return services


async def _services(request: Request) -> CentralContext:
    # A coroutine: FastAPI has a thread do what is none.
    return services_of(request)


ServicesOf = Annotated[CentralContext, Depends(_services)]


def published_for(request: Request, services: CentralContext) -> Published:
    """Return the roster and catalogue in force, read once per request.

    Raises RosterError (``roster-unpublished``).
    """
    found: Published | None = getattr(request.state, "published", None)
    if found is None:
        request.state.published = found = services.publication.current()
    return found


async def published(request: Request, services: ServicesOf) -> Published:
    """The roster and catalogue in force."""
    if hasattr(request.state, "published"):
        return published_for(request, services)
    return await run_in_threadpool(published_for, request, services)


PublishedNow = Annotated[Published, Depends(published)]
