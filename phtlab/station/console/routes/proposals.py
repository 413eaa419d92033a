"""Proposals that name this station, and the approvals that it gave."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse, Response

from phtlab.station.approvals import decisions
from phtlab.station.approvals.store import Approvals
from phtlab.station.console.access import Reader, Reviewer
from phtlab.station.console.console import ConsoleOf
from phtlab.station.console.pages import pages_of, redirect_to
from phtlab.station.console.refusals import RESPONSES
from phtlab.station.console.views.decision import decision
from phtlab.station.console.views.proposals import (
    proposal_page,
    proposal_pages,
    unreadable_proposals,
)

router = APIRouter(responses=RESPONSES, default_response_class=HTMLResponse)

ProposalPath = Annotated[str, Path(pattern=r"^p-[0-9a-f]{16}$", description="A proposal's name")]
ApprovalPath = Annotated[
    str, Path(pattern=r"^[0-9a-f]{64}$", description="An approval's digest, in hex")
]


@router.get("/proposals/{proposal}", summary="A proposal")
def proposal(
    request: Request, console: ConsoleOf, worker: Reader, proposal: ProposalPath
) -> Response:
    """Show what a study requests, its changes since the previous version, and the comments."""
    # Compute the decision first: if a new version arrives in between, an approval of this sentence
    # is refused. In the other order, the page would show the old version above the new one's
    # sentence.
    may = worker.may("reviewer")
    decide = decision(console.station, proposal, by=worker.name) if may else None
    view = proposal_page(console.station, proposal)
    if decide is not None:  # its researcher sees that a person is reading it
        decisions.begin_review(console.station, proposal, by=worker.name)
    return pages_of(request).page(
        "proposal.html", worker, location="/approvals", view=view, decision=decide
    )


@router.get("/approvals", summary="Approvals")
def approvals_given(request: Request, console: ConsoleOf, worker: Reader) -> Response:
    """List the station's approvals with their states, and the proposals that name the station."""
    return pages_of(request).page(
        "approvals.html",
        worker,
        location="/approvals",
        approvals=decisions.list_approvals(console.station),
        unreadable_approvals=Approvals(console.station.folder).unreadable(),
        proposals=proposal_pages(console.station),
        unreadable_proposals=unreadable_proposals(console.station),
    )


@router.post("/approvals/{approval}/revocation", summary="Take an approval back", status_code=303)
def revoke(
    request: Request,
    console: ConsoleOf,
    worker: Reviewer,
    approval: ApprovalPath,
    reason: Annotated[str, Form(max_length=500, description="Signed with the revocation")] = "",
    stop_runs: Annotated[bool, Form(description="Also stop runs under the approval")] = False,
) -> Response:
    """Revoke an approval, at once for new starts; the daemon signs it and sends it to central."""
    decisions.revoke(
        console.station, approval, by=worker.name, reason=reason.strip(), stop_runs=stop_runs
    )
    worker.add_message("The approval is revoked: nothing starts under it any more.")
    return redirect_to("/approvals")
