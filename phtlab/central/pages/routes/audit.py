"""HTTP routes: the audit log's page, with filters."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from phtlab.central.pages.audit import FIELDS, audit_page
from phtlab.central.pages.hub_login import HubLogin
from phtlab.central.pages.page import PageRenderer


def router_of(login: HubLogin) -> APIRouter:
    """Return the routes of a central that belongs to a hub."""
    pages, services = PageRenderer(login.home), login.services
    router = APIRouter(route_class=pages.route(), include_in_schema=False)

    @router.get("/audit", summary="What happened, for people")
    def log(
        request: Request, before: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None
    ) -> Response:
        """Members see all entries, newest first, or those that match the filter."""
        sender = login.sender(request)
        if sender is None:
            return login.begin(request)
        filled = {name: request.query_params.get(name, "") for name in FIELDS}
        view = audit_page(services, sender, filled, before)
        return pages.page("audit.html", forms=True, view=view)

    return router
