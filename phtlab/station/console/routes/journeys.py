"""Pages of the journeys: their list, their state, and their run logs for releasers."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse, Response

from phtlab.station.console.access import Reader, Releaser
from phtlab.station.console.console import Console, ConsoleOf
from phtlab.station.console.live import EventStream, stream
from phtlab.station.console.pages import pages_of, redirect_to
from phtlab.station.console.refusals import RESPONSES
from phtlab.station.console.routes.inbox import Seen
from phtlab.station.console.views.journeys import journey_lines, journey_page
from phtlab.station.release.run_log import LOG, has_viewed_log, release_log, view_log
from phtlab.station.release.votes import votes_on

router = APIRouter(responses=RESPONSES, default_response_class=HTMLResponse)

Journey = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", description="A journey's digest, in hex")]
_LIST, _JOURNEY = "parts/journeys.html", "parts/journey.html"
_MOST_LOG = 200_000


@router.get("/journeys", summary="Journeys")
def journeys(request: Request, console: ConsoleOf, worker: Reader) -> Response:
    """List the newest journeys, with their states as they change."""
    pages = pages_of(request)
    part = pages.live("/live/journeys", _LIST, **_list(console))
    return pages.page("journeys.html", worker, location="/journeys", part=part)


@router.get("/live/journeys", summary="Journeys as they change", response_class=EventStream)
def live_journeys(
    request: Request, console: ConsoleOf, worker: Reader, seen: Seen = ""
) -> EventStream:
    """Server-sent events: the list, each time that it changes."""
    pages = pages_of(request)
    return stream(
        request,
        console,
        lambda: pages.render(_LIST, **_list(console)),
        seen,
    )


@router.get("/journeys/{journey}", summary="A journey")
def journey(request: Request, console: ConsoleOf, worker: Reader, journey: Journey) -> Response:
    """Show one journey: its train, its history with times, and the decisions on it."""
    pages = pages_of(request)
    stop = console.stop(journey)
    page = journey_page(stop, console.station.name)
    part = pages.live(f"/live/journeys/{journey}", _JOURNEY, view=page, worker=worker)
    return pages.page("journey.html", worker, location="/journeys", view=page, part=part)


@router.get(
    "/live/journeys/{journey}", summary="A journey as it changes", response_class=EventStream
)
def live_journey(
    request: Request, console: ConsoleOf, worker: Reader, journey: Journey, seen: Seen = ""
) -> EventStream:
    """Server-sent events: the journey, each time that it changes."""
    pages = pages_of(request)
    stop = console.stop(journey)
    return stream(
        request,
        console,
        lambda: pages.render(
            _JOURNEY, view=journey_page(stop, console.station.name), worker=worker
        ),
        seen,
    )


@router.get("/journeys/{journey}/log", summary="A run's log")
def log(request: Request, console: ConsoleOf, worker: Releaser, journey: Journey) -> Response:
    """Show a run's whole error and printed text, which may hold data; log who viewed it."""
    stop = console.stop(journey)
    text = view_log(console.station, stop, by=worker.name, most=_MOST_LOG)
    return pages_of(request).page(
        "log.html",
        worker,
        location="/journeys",
        stop=stop,
        text=text[:_MOST_LOG],
        cut=len(text) > _MOST_LOG,
        whole=has_viewed_log(stop, by=worker.name),
        words=votes_on(stop, LOG),
    )


@router.post("/journeys/{journey}/log", summary="Let a log go", status_code=303)
def release_log_route(
    console: ConsoleOf,
    worker: Releaser,
    journey: Journey,
    reason: Annotated[str, Form(max_length=200, description="Stays at the station")] = "",
) -> Response:
    """Release exactly the text that was shown, sealed to the recipients of the order."""
    stop = console.stop(journey)
    outcome = release_log(console.station, stop, by=worker.name, reason=reason)
    worker.add_message(
        "The log goes to the researcher as you saw it."
        if outcome
        else "Your decision is recorded. Another person has to agree before the log leaves."
    )
    return redirect_to(f"/journeys/{journey}")


def _list(console: Console) -> dict[str, Any]:
    journeys, older = journey_lines(console.station)
    return {"journeys": journeys, "older": older}
