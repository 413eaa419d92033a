"""The pages for people: the consortium as a hub user may see it. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

import jinja2
from fastapi import APIRouter, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from phtlab.central.consortium_view import consortium_view
from phtlab.central.hub_login import CALLBACK, HubLogin
from phtlab.central.problems import status_of
from phtlab.errors import PhtlabError
from phtlab.train.printable import escaped

_TEMPLATES: Final = Path(__file__).parent.parent / "templates"
_STYLE: Final = "central.css"
_LONGEST: Final = 100
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def router_of(login: HubLogin) -> APIRouter:
    """The pages of a central that belongs to a hub."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["shown"] = _shown

    def page(name: str, status: int = 200, **values: object) -> Response:
        text = templates.get_template(name).render(home=login.home, **values)
        return Response(text, status, _HEADERS, media_type="text/html; charset=utf-8")

    class Page(APIRoute):
        """A route whose refusals are pages too."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            answer = super().get_route_handler()

            async def readable(request: Request) -> Response:
                try:
                    return await answer(request)
                except PhtlabError as error:
                    return page("refusal.html", status_of(error), error=error)

            return readable

    router = APIRouter(route_class=Page, include_in_schema=False)

    @router.get("/", summary="The consortium, for people")
    def consortium(request: Request) -> Response:
        """Logs in at the hub, then shows stations, roster, kernel images and one's journeys."""
        sender = login.sender(request)
        if sender is None:
            return login.begin(request)
        return page("consortium.html", view=consortium_view(login.services, sender))

    @router.get(f"/{CALLBACK}", summary="Where the hub's login ends")
    def callback(request: Request) -> Response:
        """Takes the hub's code in exchange for the session's cookie."""
        return login.finish(request)

    @router.get(f"/{_STYLE}", summary="The pages' style")
    def style() -> Response:
        """Open to all."""
        headers = _HEADERS | {"Cache-Control": "max-age=3600"}
        return Response((_TEMPLATES / _STYLE).read_bytes(), headers=headers, media_type="text/css")

    return router


def _shown(text: str) -> str:
    """What somebody else calls a thing: short, and with no character that turns others round."""
    return escaped(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
