"""HTTP routes: the notifications page. Its only form marks notifications as read."""

from __future__ import annotations

import hmac
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from phtlab.central.delivery.preferences import read_up_to
from phtlab.central.hub.users import READ
from phtlab.central.pages.hub_login import SESSION, HubLogin
from phtlab.central.pages.notifications import notification_page
from phtlab.central.pages.page import PageRenderer
from phtlab.central.pages.proposals import form_token
from phtlab.errors import CentralError

_FIELDS = 4


def router_of(login: HubLogin) -> APIRouter:
    """Return the routes of a central that belongs to a hub."""
    pages, services = PageRenderer(login.home), login.services
    router = APIRouter(route_class=pages.route(), include_in_schema=False)

    @router.get("/notifications", summary="Page of notifications")
    def mine(request: Request) -> Response:
        """The newest notifications first, and the member's preferences."""
        sender = login.sender(request)
        if sender is None:
            return login.begin(request)
        view = notification_page(services, sender, request.cookies[SESSION])
        return pages.page("notifications.html", forms=True, view=view)

    @router.post("/notifications", summary="Mark notifications as read, from the page")
    async def read(request: Request) -> Response:
        """Takes the page's form, then shows the page again."""
        body = await request.body()
        return await run_in_threadpool(_read, login, request, body)

    return router


def _read(login: HubLogin, request: Request, body: bytes) -> Response:
    sender = login.sender(request)
    if sender is None:
        return login.begin(request)
    sender.require(READ)
    member = sender.as_member()
    token, number = _form(body)
    if not hmac.compare_digest(token, form_token(request.cookies[SESSION], "notifications")):
        raise CentralError(
            "This was not sent from this page, or the login is another since.",
            "Open the page again.",
            code="forbidden",
        )
    read_up_to(login.services.database, member.name, number)
    return RedirectResponse(f"{login.home}notifications", 303)


def _form(body: bytes) -> tuple[str, int]:
    """Return the token and the number of the page's form. Raises CentralError (``request``)."""
    try:
        fields = parse_qs(body.decode(), max_num_fields=_FIELDS, strict_parsing=True)
        token, number = fields["token"][0], int(fields["number"][0])
    except (ValueError, KeyError):
        raise CentralError(
            "This is not the page's form.", "Open the page again.", code="request"
        ) from None
    if not 0 <= number < 2**63 or not token.isascii():
        raise CentralError("This is not the page's form.", "Open the page again.", code="request")
    return token, number
