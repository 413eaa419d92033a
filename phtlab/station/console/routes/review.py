"""Reading a train before it is approved.

The notebook is untrusted. It is shown as a separate document in a frame that allows no scripts, no
forms, no links and no requests except for its style (HTML standard, `sandbox`; CSP level 3,
`sandbox` and `default-src 'none'`). So content that got through the escaping could do nothing.
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


# Before the journeys' routes, since this name must not be parsed as a digest.
@router.get("/review/style.css", summary="The notebook's style", response_class=FileResponse)
def style() -> Response:
    """Serve the style to any origin, because a sandboxed frame has none. No login is needed."""
    headers = {"Cross-Origin-Resource-Policy": "cross-origin", "Cache-Control": "max-age=600"}
    return FileResponse(STATIC[_STYLE][0], media_type="text/css", headers=headers)


@router.get("/review/{journey}", summary="Read a train")
def review(
    request: Request,
    console: ConsoleOf,
    worker: Reader,
    journey: Journey,
    show: Annotated[Literal["changes", "notebook"], Query(description="Content of the frame")]
    | None = None,
) -> Response:
    """Show the notebook or its changes, the findings, the manifest, and the form for a decision."""
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
    """The document for the sandboxed frame: every cell as it runs."""
    reading = _reading(console, journey)
    return _framed(request, reading, cells=list(notebook_cells(reading)), title="The notebook")


@router.get("/review/{journey}/changes", summary="The changes as text")
def changes(request: Request, console: ConsoleOf, worker: Reader, journey: Journey) -> Response:
    """The document for the sandboxed frame: what changed since the last approved version."""
    reading = _reading(console, journey)
    return _framed(request, reading, cells=list(changed_cells(reading)), title="What changed")


def _reading(console: Console, journey: str) -> TrainReview:
    trusted = last_verified_roster(console.station)
    catalogue = trusted.catalogue if trusted else None
    return read_train(console.station, console.stop(journey), catalogue)


def _framed(request: Request, reading: TrainReview, **values: object) -> Response:
    text = pages_of(request).render("review/notebook.html", reading=reading, **values)
    return HTMLResponse(text, headers={"Content-Security-Policy": FRAME})
