"""Pages of the station itself: its public keys and its health."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from phtlab.station.console.access import Admin, Reader
from phtlab.station.console.console import ConsoleOf
from phtlab.station.console.live import EventStream, stream
from phtlab.station.console.pages import pages_of, redirect_to
from phtlab.station.console.refusals import RESPONSES
from phtlab.station.console.routes.inbox import Seen
from phtlab.station.console.views.keys import keys_page, last_verified_roster
from phtlab.station.context.maintenance import Closed, closed, pause, pause_of, resume
from phtlab.station.context.self_test_result import (
    Report,
    last_report,
    request_test,
    self_test_requested,
)
from phtlab.station.context.station_context import StationContext

router = APIRouter(responses=RESPONSES, default_response_class=HTMLResponse)
_HEALTH = "parts/health.html"


@router.get("/keys", summary="Keys")
def keys(request: Request, console: ConsoleOf, worker: Reader) -> Response:
    """Show the fingerprint, recipients and age of the key file, and what to do; it stays locked."""
    view = keys_page(console.station, last_verified_roster(console.station))
    return pages_of(request).page("keys.html", worker, location="/keys", view=view)


@router.get("/health", summary="Health")
def health(request: Request, console: ConsoleOf, worker: Reader) -> Response:
    """Show what the last self-test found, with the repair commands, and whether runs may start."""
    pages, station = pages_of(request), console.station
    part = pages.live("/live/health", _HEALTH, **_health(station))
    return pages.page(
        "health.html", worker, location="/health", part=part, paused=pause_of(station.folder)
    )


@router.get("/live/health", summary="Health as it changes", response_class=EventStream)
def live_health(
    request: Request, console: ConsoleOf, worker: Reader, seen: Seen = ""
) -> EventStream:
    """Server-sent events: the self-test's findings, each time that they change."""
    pages = pages_of(request)
    return stream(request, console, lambda: pages.render(_HEALTH, **_health(console.station)), seen)


@router.post("/health/self-test", summary="Test the station now", status_code=303)
def self_test(console: ConsoleOf, worker: Admin) -> Response:
    """Request a self-test of the running station; the page updates with the result."""
    request_test(console.station, by=worker.name)
    return redirect_to("/health")


@router.post("/health/pause", summary="Let nothing new begin", status_code=303)
def pause_now(
    console: ConsoleOf,
    worker: Admin,
    reason: Annotated[str, Form(max_length=200, description="Researchers can read it")] = "",
) -> Response:
    """Pause the station: runs continue, new orders wait."""
    pause(console.station, by=worker.name, reason=reason)
    worker.add_message("Paused: nothing new begins until somebody resumes.")
    return redirect_to("/health")


@router.post("/health/resume", summary="Go on after a pause", status_code=303)
def resume_now(
    console: ConsoleOf,
    worker: Admin,
    copy_ended: Annotated[
        bool,
        Form(description="Confirms that the copy of the station's folder was found and stopped"),
    ] = False,
) -> Response:
    """End the pause; after two records of one journey, only if the copy was ended."""
    resume(console.station, by=worker.name, copy_ended=copy_ended)
    worker.add_message("The station goes on.")
    return redirect_to("/health")


def _health(station: StationContext) -> dict[str, Report | Closed | bool | None]:
    return {
        "report": last_report(station.folder),
        "closed": closed(station),
        "asked": self_test_requested(station.folder),
    }
