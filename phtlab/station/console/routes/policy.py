"""The policy: its text, its errors while a person edits it, and what a change would have done."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from phtlab.errors import PhtlabError, PolicyError
from phtlab.station.console.access import Admin, Reader
from phtlab.station.console.console import ConsoleOf
from phtlab.station.console.pages import pages_of, redirect_to
from phtlab.station.console.refusals import RESPONSES
from phtlab.station.pipeline.policy_trial import current_text, named, put_in_force, try_policy
from phtlab.station.policy.policy import parse_policy

router = APIRouter(responses=RESPONSES, default_response_class=HTMLResponse)

Text = Annotated[str, Form(max_length=100_000, description="The policy, as TOML")]
InsteadOf = Annotated[str, Form(max_length=100, description="Names the policy that was in force")]


@router.get("/policy", summary="Policy")
def policy(request: Request, console: ConsoleOf, worker: Reader) -> Response:
    """Show the policy in force, which an admin can edit."""
    text = current_text(console.station)
    try:
        parse_policy(text, "The policy in force")
        problem = None
    except PolicyError as error:
        problem = error
    return pages_of(request).page(
        "policy.html", worker, location="/policy", text=text, instead_of=named(text), fault=problem
    )


@router.post("/policy/trial", summary="What a policy would have done")
def trial(request: Request, console: ConsoleOf, worker: Admin, text: Text = "") -> Response:
    """Check a policy text: its error, or the past journeys that it would change. Writes nothing."""
    try:
        found, problem = try_policy(console.station, _lines(text)), None
    except PhtlabError as error:
        found, problem = None, error
    same = _lines(text).rstrip("\n") == current_text(console.station).rstrip("\n")
    return pages_of(request).part(
        "parts/policy_trial.html", worker, replay=found, fault=problem, same=same
    )


@router.post("/policy", summary="Change the policy", status_code=303)
def change(
    request: Request, console: ConsoleOf, worker: Admin, instead_of: InsteadOf, text: Text = ""
) -> Response:
    """Change the policy from the next order on. The audit log gets an entry with its digest."""
    put_in_force(console.station, _lines(text), by=worker.name, instead_of=instead_of)
    worker.add_message("The policy is changed. The next order is judged by it.")
    return redirect_to("/policy")


def _lines(text: str) -> str:
    """Normalise line ends: browsers submit CRLF."""
    return text.replace("\r\n", "\n")
