"""The ASGI application of central: routes, errors, limits and logs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.concurrency import run_in_threadpool

from phtlab.central import problems
from phtlab.central.api.request_log import RequestLog
from phtlab.central.api.routes import (
    acceptances,
    approvals,
    audit,
    inbox,
    journeys,
    notifications,
    proposals,
    registry,
    roster,
    rounds,
    service,
    stations,
    trains,
)
from phtlab.central.changes.database_watch import DatabaseWatch
from phtlab.central.changes.postgresql_listener import ChangeListener
from phtlab.central.context import CentralContext
from phtlab.central.delivery.sender import keep_sending
from phtlab.central.housekeeping import run_housekeeping
from phtlab.central.hub.mounting import Mounted
from phtlab.central.limits.bodies import BodyLimit
from phtlab.central.limits.concurrency import ConcurrencyLimit
from phtlab.central.pages.hub_login import HubLogin
from phtlab.central.pages.routes import (
    audit as audit_pages,
)
from phtlab.central.pages.routes import (
    consortium,
)
from phtlab.central.pages.routes import (
    notifications as notification_pages,
)
from phtlab.central.pages.routes import (
    proposals as proposal_pages,
)
from phtlab.central.settings import CentralSettings
from phtlab.version import VERSION

_DESCRIPTION = """
Stores and forwards for a Personal Health Train: signed trains, orders and stop records. Members
sign each document and readers verify it; central can only delay and refuse.

Members authenticate by a JWT that their own Ed25519 key signs (issuer: the member's name;
audience: as `GET /api/v1` reports; valid for at most a minute). A central that belongs to a
JupyterHub also accepts its users' tokens, for what their scopes name. Refusals are problems
(RFC 9457) whose `code` is stable.
"""

API = (
    service,
    trains,
    journeys,
    rounds,
    proposals,
    approvals,
    acceptances,
    inbox,
    stations,
    roster,
    registry,
    audit,
    notifications,
)
"""Modules of the API; the `router` of each holds its routes."""


def create_app(settings: CentralSettings, services: CentralContext | None = None) -> FastAPI:
    """Build the ASGI application for `settings`, and migrate the database."""
    parts = services or CentralContext.of(settings)
    parts.database.migrate()
    parts.metrics.watch(parts.database)
    app = FastAPI(
        title="phtlab central",
        version=VERSION,
        description=_DESCRIPTION,
        lifespan=_lifespan,
        # FastAPI's pages load scripts from other hosts; the OpenAPI document is enough.
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if settings.openapi else None,
    )
    app.state.services = parts
    problems.install(app)
    for part in API:
        # Add the routes themselves: `include_router` would build each of them again.
        app.router.routes.extend(part.router.routes)
    if parts.hub is not None and settings.hub_client_id:
        login = HubLogin(parts, parts.hub)
        app.include_router(consortium.router_of(login))
        for part_of_pages in (proposal_pages, audit_pages, notification_pages):
            app.include_router(part_of_pages.router_of(login))
    app.add_middleware(BodyLimit)
    app.add_middleware(ConcurrencyLimit, concurrency=parts.concurrency)
    app.add_middleware(RequestLog, metrics=parts.metrics)
    app.add_middleware(Mounted, prefix=settings.prefix)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: CentralContext = app.state.services
    services.bus.open()
    listener = ChangeListener(services.database, services.bus)
    watch = DatabaseWatch(services.database, services.bus, services.settings.poll_seconds)
    listener.start()
    watch.start()
    chores = asyncio.create_task(run_housekeeping(services))
    sending = asyncio.create_task(keep_sending(services))
    try:
        yield
    finally:
        services.bus.close()
        for task in (chores, sending):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await run_in_threadpool(listener.stop)
        await run_in_threadpool(watch.stop)
        services.close()


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
        )
        problems.add_schema(document)
        app.openapi_schema = document
    return app.openapi_schema
