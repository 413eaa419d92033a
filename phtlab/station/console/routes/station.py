"""The station itself: its keys as far as they are no secret, and its health."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from phtlab.station.console.access import Reader
from phtlab.station.console.console import ConsoleOf
from phtlab.station.console.keys_view import keys_page, last_believed
from phtlab.station.console.live import EventStream, stream
from phtlab.station.console.pages import pages_of
from phtlab.station.console.refusals import RESPONSES
from phtlab.station.console.routes.inbox import Seen
from phtlab.station.self_test import last_report

router = APIRouter(responses=RESPONSES, default_response_class=HTMLResponse)
_HEALTH = "parts/health.html"


@router.get("/keys", summary="Keys")
def keys(request: Request, console: ConsoleOf, worker: Reader) -> Response:
    """Fingerprint, recipients and the key file's age; what to do with each. The key stays shut."""
    view = keys_page(console.station, last_believed(console.station))
    return pages_of(request).page("keys.html", worker, here="/keys", view=view)


@router.get("/health", summary="Health")
def health(request: Request, console: ConsoleOf, worker: Reader) -> Response:
    """What the last self-test found, and the command that mends it."""
    pages = pages_of(request)
    part = pages.live("/live/health", _HEALTH, report=last_report(console.station.folder))
    return pages.page("health.html", worker, here="/health", part=part)


@router.get("/live/health", summary="Health as it changes", response_class=EventStream)
def live_health(
    request: Request, console: ConsoleOf, worker: Reader, seen: Seen = ""
) -> EventStream:
    """Server-sent events: what the self-test found, each time that it changes."""
    pages = pages_of(request)
    folder = console.station.folder
    return stream(request, console, lambda: pages.render(_HEALTH, report=last_report(folder)), seen)
