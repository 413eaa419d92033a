"""The inbox: journeys, proposals and outputs that wait for a decision."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from phtlab.station.console.access import Reader
from phtlab.station.console.console import ConsoleOf
from phtlab.station.console.live import EventStream, stream
from phtlab.station.console.pages import pages_of
from phtlab.station.console.refusals import RESPONSES
from phtlab.station.console.views import inbox as inbox_view

router = APIRouter(responses=RESPONSES, default_response_class=HTMLResponse)

Seen = Annotated[str, Query(max_length=64, description="What the page has: a part's stamp")]
_PART = "parts/inbox.html"


@router.get("/", summary="Inbox")
def inbox(request: Request, console: ConsoleOf, worker: Reader) -> Response:
    """List waiting proposals, trains and outputs, with risk, waiting time and a button each."""
    pages = pages_of(request)
    part = pages.live("/live/inbox", _PART, inbox=inbox_view.inbox(console.station), worker=worker)
    return pages.page("inbox.html", worker, location="/", part=part)


@router.get("/live/inbox", summary="The inbox as it changes", response_class=EventStream)
def live_inbox(
    request: Request, console: ConsoleOf, worker: Reader, seen: Seen = ""
) -> EventStream:
    """Server-sent events: the inbox, each time that it changes."""
    pages = pages_of(request)
    return stream(
        request,
        console,
        lambda: pages.render(_PART, inbox=inbox_view.inbox(console.station), worker=worker),
        seen,
    )
