"""Journeys: what came here, how far it is, and what it left for the operator's eyes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response

from phtlab.station.console.access import Reader, Releaser
from phtlab.station.console.console import ConsoleOf
from phtlab.station.console.journeys_view import journey_lines, journey_page
from phtlab.station.console.live import EventStream, stream
from phtlab.station.console.pages import pages_of
from phtlab.station.console.refusals import RESPONSES, unknown
from phtlab.station.console.routes.inbox import Seen

router = APIRouter(responses=RESPONSES, default_response_class=HTMLResponse)

Journey = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", description="A journey's digest, in hex")]
_LIST, _ONE = "parts/journeys.html", "parts/journey.html"
_MOST_LOG = 200_000


@router.get("/journeys", summary="Journeys")
def journeys(request: Request, console: ConsoleOf, worker: Reader) -> Response:
    """The newest, with their states as they change."""
    pages = pages_of(request)
    part = pages.live("/live/journeys", _LIST, journeys=journey_lines(console.station))
    return pages.page("journeys.html", worker, here="/journeys", part=part)


@router.get("/live/journeys", summary="Journeys as they change", response_class=EventStream)
def live_journeys(
    request: Request, console: ConsoleOf, worker: Reader, seen: Seen = ""
) -> EventStream:
    """Server-sent events: the list anew, each time that it changes."""
    pages = pages_of(request)
    return stream(
        request,
        console,
        lambda: pages.render(_LIST, journeys=journey_lines(console.station)),
        seen,
    )


@router.get("/journeys/{journey}", summary="A journey")
def journey(request: Request, console: ConsoleOf, worker: Reader, journey: Journey) -> Response:
    """One journey: its train, what happened when, and what was decided."""
    pages = pages_of(request)
    stop = console.stop(journey)
    shown = journey_page(stop)
    part = pages.live(f"/live/journeys/{journey}", _ONE, view=shown, worker=worker)
    return pages.page("journey.html", worker, here="/journeys", view=shown, part=part)


@router.get(
    "/live/journeys/{journey}", summary="A journey as it changes", response_class=EventStream
)
def live_journey(
    request: Request, console: ConsoleOf, worker: Reader, journey: Journey, seen: Seen = ""
) -> EventStream:
    """Server-sent events: the journey anew, each time that it changes."""
    pages = pages_of(request)
    stop = console.stop(journey)
    return stream(
        request, console, lambda: pages.render(_ONE, view=journey_page(stop), worker=worker), seen
    )


@router.get("/journeys/{journey}/log", summary="What a run printed")
def log(request: Request, console: ConsoleOf, worker: Releaser, journey: Journey) -> Response:
    """The log that stays here. It may hold data, so it takes a releaser."""
    stop = console.stop(journey)
    path = stop.operator / "log"
    if not path.exists():
        raise unknown("This journey has left no log: its run has not ended, or never began.")
    with path.open("rb") as file:
        text = file.read(_MOST_LOG).decode("utf-8", "replace")
    cut = path.stat().st_size > _MOST_LOG
    return pages_of(request).page(
        "log.html", worker, here="/journeys", stop=stop, text=text, cut=cut
    )
