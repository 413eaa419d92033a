"""The policy: its text, what is wrong with it as it is typed, and what it would have done."""

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
    """The policy in force. An admin edits it here."""
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
    """Writes nothing: says what is wrong with the text, else which past journeys it changes."""
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
    """From the next order on; the change is in the audit log with its digest."""
    put_in_force(console.station, _lines(text), by=worker.name, instead_of=instead_of)
    worker.add_message("The policy is changed. The next order is judged by it.")
    return redirect_to("/policy")


def _lines(text: str) -> str:
    """Browsers send each line of a text's end as two characters."""
    return text.replace("\r\n", "\n")
