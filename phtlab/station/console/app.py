"""The console's ASGI application: its routes, its error pages, and the guard around them."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, FastAPI

from phtlab.station.console import refusals
from phtlab.station.console.console import Console
from phtlab.station.console.guard import Guard
from phtlab.station.console.pages import PageRenderer
from phtlab.station.console.routes import (
    amounts,
    audit,
    datasets,
    decisions,
    inbox,
    journeys,
    login,
    outputs,
    policy,
    proposals,
    review,
    station,
)
from phtlab.version import VERSION

ROUTERS: Final[tuple[APIRouter, ...]] = (
    login.router,
    inbox.router,
    journeys.router,
    amounts.router,
    decisions.router,
    review.router,
    proposals.router,
    outputs.router,
    datasets.router,
    policy.router,
    station.router,
    audit.router,
)
"""Every router of the console: a new page is a module in `routes/` and an entry in this tuple."""

_DESCRIPTION = """
The pages of one station, for the people who work there. A browser logs in by a one-time link or at
an identity provider, and holds a cookie; each form holds a token against forgery.
"""


def create_app(console: Console) -> FastAPI:
    """Create the ASGI application of `console`."""
    app = FastAPI(
        title="phtlab station console",
        version=VERSION,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    pages = PageRenderer(console)
    app.state.console, app.state.pages = console, pages
    refusals.install(app, pages)
    for router in ROUTERS:
        # The routes themselves: `include_router` would build each of them again.
        app.router.routes.extend(router.routes)
    app.add_middleware(Guard, hosts=console.hosts)
    return app
