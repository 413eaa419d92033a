"""Outputs that the airlock holds: why each is held, and a person's decision on it."""

from __future__ import annotations

import base64
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response

from phtlab.errors import StationError
from phtlab.station.console.access import Releaser
from phtlab.station.console.console import ConsoleOf
from phtlab.station.console.pages import pages_of, redirect_to
from phtlab.station.console.refusals import RESPONSES
from phtlab.station.console.routes.journeys import Journey
from phtlab.station.release import held_outputs
from phtlab.station.release.votes import Redaction

router = APIRouter(responses=RESPONSES, default_response_class=HTMLResponse)

OutputName = Annotated[
    str, Path(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,62}$", description="An output's declared name")
]
_MOST_ROWS = 500


@router.get("/outputs/{journey}/{output}", summary="A held output")
def show_output(
    request: Request, console: ConsoleOf, worker: Releaser, journey: Journey, output: OutputName
) -> Response:
    """Show the output as it would leave, beside each finding; log who viewed it."""
    stop = console.stop(journey)
    held = held_outputs.held_stop(stop)
    view = held_outputs.view_output(console.station, stop, output, by=worker.name, rows=_MOST_ROWS)
    picture = base64.b64encode(view.picture).decode() if view.picture else ""
    return pages_of(request).page(
        "output.html",
        worker,
        location="/",
        held=held,
        view=view,
        picture=picture,
        most=_MOST_ROWS,
        whole=held_outputs.has_viewed_output(stop, held.waiting.output(output), by=worker.name),
        mine=[vote for vote in view.words if vote.by == worker.name],
    )


@router.post("/outputs/{journey}/{output}", summary="Release, in part, or not", status_code=303)
async def decide(
    request: Request, console: ConsoleOf, worker: Releaser, journey: Journey, output: OutputName
) -> Response:
    """Record the form's `choice`: release, part or refuse; `row` and `cell` name what to redact."""
    form = await request.form()
    fields = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    choice = _choice(dict(fields).get("choice", ""), fields)
    stop = console.stop(journey)
    reason = dict(fields).get("reason", "")
    outcomes = held_outputs.decide(
        console.station, stop, {output: choice}, by=worker.name, reason=reason
    )
    if outcomes[output] is None:
        worker.add_message(
            "Your decision is recorded. Another person has to agree before it leaves."
        )
    elif choice == "refuse":
        worker.add_message(
            f"'{output}' is withheld. The researcher learns the rule, not the value."
        )
    else:
        worker.add_message(f"'{output}' may leave as you decided; the station seals and signs it.")
    return redirect_to("/")


def _choice(choice: str, fields: list[tuple[str, str]]) -> held_outputs.Choice:
    if choice == "release":
        return "release"
    if choice == "refuse":
        return "refuse"
    if choice != "part":
        raise StationError(
            "Say what becomes of the output: release, part or refuse.", code="release-part"
        )
    rows = sorted({_row(value) for name, value in fields if name == "row"})
    cells = {_cell(value) for name, value in fields if name == "cell"}
    cells = {(row, column) for row, column in cells if row not in rows}
    if not rows and not cells:
        raise StationError(
            "Mark what is to be taken out: rows, or single cells.",
            "To let all of it leave, release it as it is.",
            code="release-part",
        )
    return Redaction(rows=tuple(rows), cells=tuple(sorted(cells)))


def _row(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise StationError("A row is named by its number, from 1.", code="release-part")
    return int(text)


def _cell(text: str) -> tuple[int, str]:
    row, _, column = text.partition(":")
    return _row(row), column
