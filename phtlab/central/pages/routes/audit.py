"""The page of central's log, for people: what happened, with filters."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from phtlab.central.api.paging import Before
from phtlab.central.pages.audit import FIELDS, audit_page
from phtlab.central.pages.hub_login import HubLogin
from phtlab.central.pages.page import PageRenderer


def router_of(login: HubLogin) -> APIRouter:
    """The page of a central that belongs to a hub."""
    pages, services = PageRenderer(login.home), login.services
    router = APIRouter(route_class=pages.route(), include_in_schema=False)

    @router.get("/audit", summary="Page of the audit log")
    def log(request: Request, before: Before = None) -> Response:
        """All entries, the newest first, or those that match the filter; for members."""
        sender = login.sender(request)
        if sender is None:
            return login.begin(request)
        filled = {name: request.query_params.get(name, "") for name in FIELDS}
        view = audit_page(services, sender, filled, before)
        return pages.page("audit.html", forms=True, view=view)

    return router
