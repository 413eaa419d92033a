"""Reading a train before it is allowed.

The notebook is a stranger's. It is a document of its own in a frame that may do nothing: neither
scripts, nor forms, nor links, nor any request but for its style (HTML standard, `sandbox`; CSP
level 3, `sandbox` and `default-src 'none'`). Whatever got through the escaping could do nothing.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from phtlab.station.console.access import Reader
from phtlab.station.console.console import Console, ConsoleOf
from phtlab.station.console.guard import CSP
from phtlab.station.console.pages import pages_of
from phtlab.station.console.refusals import RESPONSES
from phtlab.station.console.routes.journeys import Journey
from phtlab.station.console.static import STATIC
from phtlab.station.console.views.decision import decision
from phtlab.station.console.views.keys import last_verified_roster
from phtlab.station.console.views.review import (
    changed_cells,
    declared_otherwise,
    imports_by_origin,
    notebook_cells,
)
from phtlab.station.review.train_review import TrainReview, read_train
from phtlab.station.review.view_log import note_review

router = APIRouter(responses=RESPONSES, default_response_class=HTMLResponse)

FRAME: Final = (
    "sandbox; default-src 'none'; style-src 'self'; frame-ancestors 'self'; base-uri 'none'; "
    "form-action 'none'"
)
PAGE: Final = f"{CSP}; frame-src 'self'"
_STYLE: Final = "review.css"


# Before the journeys' routes: a name is no digest.
@router.get("/review/style.css", summary="The notebook's style", response_class=FileResponse)
def style() -> Response:
    """Open to all. A sandboxed frame is of no origin, so that any origin must be let have it."""
    headers = {"Cross-Origin-Resource-Policy": "cross-origin", "Cache-Control": "max-age=600"}
    return FileResponse(STATIC[_STYLE][0], media_type="text/css", headers=headers)


@router.get("/review/{journey}", summary="Read a train")
def review(
    request: Request,
    console: ConsoleOf,
    worker: Reader,
    journey: Journey,
    show: Annotated[Literal["changes", "notebook"], Query(description="What the frame has")]
    | None = None,
) -> Response:
    """The notebook or its changes, what the machine found, what is signed, and the word on it."""
    reading = _reading(console, journey)
    note_review(console.station, reading.stop, by=worker.name)
    changed = reading.difference is not None and not reading.unchanged
    decided = decision(console.station, journey, by=worker.name) if worker.may("reviewer") else None
    answer = pages_of(request).page(
        "review/review.html",
        worker,
        location="/",
        reading=reading,
        changed=changed,
        show=show if show and changed else "changes" if changed else "notebook",
        imports=imports_by_origin(reading),
        otherwise=declared_otherwise(reading),
        waits=reading.stop.waits_for == "approval",
        decision=decided,
    )
    answer.headers["Content-Security-Policy"] = PAGE
    return answer


@router.get("/review/{journey}/notebook", summary="The notebook as text")
def notebook(request: Request, console: ConsoleOf, worker: Reader, journey: Journey) -> Response:
    """A document for the sandboxed frame: every cell as it runs."""
    reading = _reading(console, journey)
    return _framed(request, reading, cells=list(notebook_cells(reading)), title="The notebook")


@router.get("/review/{journey}/changes", summary="The changes as text")
def changes(request: Request, console: ConsoleOf, worker: Reader, journey: Journey) -> Response:
    """A document for the sandboxed frame: what changed since the last approval."""
    reading = _reading(console, journey)
    return _framed(request, reading, cells=list(changed_cells(reading)), title="What changed")


def _reading(console: Console, journey: str) -> TrainReview:
    trusted = last_verified_roster(console.station)
    catalogue = trusted.catalogue if trusted else None
    return read_train(console.station, console.stop(journey), catalogue)


def _framed(request: Request, reading: TrainReview, **values: object) -> Response:
    text = pages_of(request).render("review/notebook.html", reading=reading, **values)
    return HTMLResponse(text, headers={"Content-Security-Policy": FRAME})
