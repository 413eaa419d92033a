"""Approve or refuse a train or a proposal, or ask about it, by functions of `approvals`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse, Response

from phtlab.errors import ApprovalError
from phtlab.station.approvals import decisions
from phtlab.station.console.access import Reviewer
from phtlab.station.console.console import ConsoleOf
from phtlab.station.console.pages import pages_of, redirect_to
from phtlab.station.console.refusals import RESPONSES, unknown
from phtlab.station.console.views.decision import approval_request, decision, preview_decision

router = APIRouter(responses=RESPONSES, default_response_class=HTMLResponse)

Target = Annotated[
    str,
    Path(
        pattern=r"^([0-9a-f]{64}|p-[0-9a-f]{16})$",
        description="A held journey, by its digest in hex, or a proposal",
    ),
]


async def _form_of(request: Request) -> dict[str, str]:
    """Return the submitted fields; their names depend on the train's parameters."""
    form = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}


@router.get("/decisions/{target}", summary="Decide with bounds")
def decide(request: Request, console: ConsoleOf, worker: Reviewer, target: Target) -> Response:
    """Show every way to approve a train or a proposal, with the sentence that each would sign."""
    found = decision(console.station, target, by=worker.name)
    if found is None:
        raise unknown("This waits for nobody any more.", "What became of it is among the journeys.")
    return pages_of(request).page("decision.html", worker, location="/", decision=found)


@router.post("/decisions/{target}/words", summary="What a yes would sign")
async def preview(
    request: Request, console: ConsoleOf, worker: Reviewer, target: Target
) -> Response:
    """Show the sentence for the terms chosen in the form; sign and write nothing."""
    try:
        terms = approval_request(await _form_of(request))
        preview, trouble = preview_decision(console.station, target, by=worker.name, request=terms)
    except ApprovalError as error:
        preview, trouble = None, str(error)
    return pages_of(request).part("parts/words.html", worker, word=preview, trouble=trouble)


@router.post("/decisions/{target}/approval", summary="Approve", status_code=303)
async def approve(
    request: Request, console: ConsoleOf, worker: Reviewer, target: Target
) -> Response:
    """Record an approval of exactly the sentence that the page showed; the daemon signs it."""
    form = await _form_of(request)
    # Without the field, no approval: a sentence that the page did not show was not read.
    result = decisions.approve(
        console.station,
        target,
        by=worker.name,
        request=approval_request(form),
        seen=form.get("sentence", ""),
    )
    worker.add_message(f"You approved: {result.sentence}")
    if result.missing:
        worker.add_message(f"{result.missing} more must approve before it counts.")
    return redirect_to("/")


@router.post("/decisions/{target}/refusal", summary="Refuse", status_code=303)
def refuse(
    request: Request,
    console: ConsoleOf,
    worker: Reviewer,
    target: Target,
    reason: Annotated[str, Form(max_length=500, description="The researcher can read it")] = "",
    version: Annotated[
        str, Form(max_length=71, description="For a proposal: the version that the page showed")
    ] = "",
) -> Response:
    """Record a refusal, with a reason that the researcher reads."""
    if not reason.strip():
        raise ApprovalError(
            "Say why: the researcher reads it, and can do better next time.", code="approval-reason"
        )
    decisions.refuse(
        console.station,
        target,
        by=worker.name,
        reason=reason.strip(),
        version=version if target.startswith("p-") else None,
    )
    worker.add_message("You refused it. The researcher reads your reason.")
    return redirect_to("/")


@router.post("/decisions/{target}/question", summary="Ask", status_code=303)
def comment(
    request: Request,
    console: ConsoleOf,
    worker: Reviewer,
    target: Annotated[str, Path(pattern=r"^p-[0-9a-f]{16}$")],
    text: Annotated[str, Form(max_length=4000, description="The researcher can read it")] = "",
) -> Response:
    """Ask the researcher about a proposal, which keeps waiting for a decision."""
    decisions.comment(console.station, target, text.replace("\r\n", "\n").strip(), by=worker.name)
    worker.add_message(
        "Your question goes to the researcher; the answer comes to the proposal's page."
    )
    return redirect_to(f"/proposals/{target}")
