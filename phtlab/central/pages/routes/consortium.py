"""HTTP routes: the consortium's page, as a hub user may see it. Read-only."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from phtlab.central.pages.consortium import consortium_view
from phtlab.central.pages.hub_login import CALLBACK, HubLogin
from phtlab.central.pages.page import TEMPLATES, PageRenderer, headers

_STYLE: Final = "central.css"


def router_of(login: HubLogin) -> APIRouter:
    """Return the routes of a central that belongs to a hub."""
    pages = PageRenderer(login.home)
    router = APIRouter(route_class=pages.route(), include_in_schema=False)

    @router.get("/", summary="Page of the consortium")
    def consortium(request: Request) -> Response:
        """Logs in at the hub, then shows stations, roster, kernel images and own journeys."""
        sender = login.sender(request)
        if sender is None:
            return login.begin(request)
        return pages.page("consortium.html", view=consortium_view(login.services, sender))

    @router.get(f"/{CALLBACK}", summary="Callback of the hub's login")
    def callback(request: Request) -> Response:
        """Exchanges the hub's code for the session's cookie."""
        return login.finish(request)

    @router.get(f"/{_STYLE}", summary="Style sheet of the pages")
    def style() -> Response:
        """Open to all."""
        kept = headers() | {"Cache-Control": "max-age=3600"}
        return Response((TEMPLATES / _STYLE).read_bytes(), headers=kept, media_type="text/css")

    return router
