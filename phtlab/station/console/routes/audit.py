"""Page of the audit log: who did what to what, when."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BeforeValidator

from phtlab.station.console.access import Reader
from phtlab.station.console.console import ConsoleOf
from phtlab.station.console.pages import pages_of
from phtlab.station.console.refusals import RESPONSES
from phtlab.station.console.views.audit import Filters, audit_page

router = APIRouter(responses=RESPONSES, default_response_class=HTMLResponse)

# Browsers send empty form fields too.
Day = Annotated[date | None, BeforeValidator(lambda given: given or None)]
FilterText = Annotated[str, Query(max_length=200)]


@router.get("/audit", summary="Audit")
def audit(
    request: Request,
    console: ConsoleOf,
    worker: Reader,
    actor: FilterText = "",
    action: FilterText = "",
    about: FilterText = "",
    since: Annotated[Day, Query(description="First day, in UTC")] = None,
    until: Annotated[Day, Query(description="Last day, in UTC")] = None,
) -> Response:
    """Show the newest entries that match the filters, and whether the hash chain verifies."""
    filters = Filters(actor, action, about.strip(), since, until)
    view = audit_page(console.station, filters)
    return pages_of(request).page(
        "audit.html", worker, location="/audit", view=view, filters=filters
    )
