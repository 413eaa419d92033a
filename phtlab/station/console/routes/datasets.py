"""Pages of the data sets: the declaration of each, its twin, and who used it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response

from phtlab.station.console.access import Reader
from phtlab.station.console.console import ConsoleOf
from phtlab.station.console.pages import pages_of
from phtlab.station.console.refusals import RESPONSES
from phtlab.station.console.views.datasets import dataset_page, dataset_pages

router = APIRouter(responses=RESPONSES, default_response_class=HTMLResponse)


@router.get("/datasets", summary="Data sets")
def datasets(request: Request, console: ConsoleOf, worker: Reader) -> Response:
    """List all declared data sets, and how often each was used."""
    return pages_of(request).page(
        "datasets.html", worker, location="/datasets", datasets=dataset_pages(console.station)
    )


@router.get("/datasets/{name}", summary="A data set")
def dataset(
    request: Request,
    console: ConsoleOf,
    worker: Reader,
    name: Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,62}$")],
) -> Response:
    """Show a data set's schema, the first rows of its twin, and its journeys; no data."""
    return pages_of(request).page(
        "dataset.html", worker, location="/datasets", view=dataset_page(console.station, name)
    )
