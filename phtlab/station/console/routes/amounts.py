"""Page of released amounts in a month: per researcher and data set, against the policy's limits."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from phtlab.station.console.access import Reader
from phtlab.station.console.console import ConsoleOf
from phtlab.station.console.pages import pages_of
from phtlab.station.console.refusals import RESPONSES
from phtlab.station.release.amounts import month_page

router = APIRouter(responses=RESPONSES, default_response_class=HTMLResponse)


@router.get("/amounts", summary="What left")
def amounts(
    request: Request,
    console: ConsoleOf,
    worker: Reader,
    month: Annotated[
        str | None,
        Query(max_length=20, description="The month, as 2026-12. Default: the current month"),
    ] = None,
) -> Response:
    """Show a month's released amounts per researcher and data set, with the policy's limits."""
    return pages_of(request).page(
        "amounts.html", worker, location="/amounts", view=month_page(console.station, month)
    )
