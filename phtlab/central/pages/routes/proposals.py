"""The pages of proposals, for people: what is asked, what stations said, and a place to comment.

Whoever comments is logged in at the hub, by a cookie that other sites do not send, and the form
carries what only this session's page knows.
"""

from __future__ import annotations

import hmac
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from phtlab.central.api.paging import Before
from phtlab.central.api.proposal_comments import comment_on
from phtlab.central.hub.users import DISPATCH, GOVERN
from phtlab.central.pages.hub_login import SESSION, HubLogin
from phtlab.central.pages.page import PageRenderer
from phtlab.central.pages.proposals import form_token, proposal_list, proposal_page
from phtlab.errors import CentralError
from phtlab.governance.proposal import ProposalId
from phtlab.wire.api.governance import NewComment

_FIELDS = 4


def router_of(login: HubLogin) -> APIRouter:
    """The pages of a central that belongs to a hub."""
    pages, services = PageRenderer(login.home), login.services
    router = APIRouter(prefix="/proposals", route_class=pages.route(), include_in_schema=False)

    @router.get("", summary="Page of proposals")
    def every(request: Request, before: Before = None) -> Response:
        """Proposals that the visitor may read, the last changed first."""
        sender = login.sender(request)
        if sender is None:
            return login.begin(request)
        return pages.page("proposals.html", view=proposal_list(services, sender, before))

    @router.get("/{proposal}", summary="Page of a proposal")
    def proposal_page_route(
        request: Request, proposal: ProposalId, version: Before = None
    ) -> Response:
        """The requested terms, the changes, and the stations' answers."""
        sender = login.sender(request)
        if sender is None:
            return login.begin(request)
        token = request.cookies[SESSION]
        view = proposal_page(services, sender, proposal, version, token)
        return pages.page("proposal.html", forms=view.may_comment, view=view)

    @router.post("/{proposal}", summary="Comment on a proposal")
    async def comment(request: Request, proposal: ProposalId) -> Response:
        """Takes the page's form, then shows the page again."""
        body = await request.body()
        return await run_in_threadpool(_comment, login, request, proposal, body)

    return router


def _comment(login: HubLogin, request: Request, proposal: str, body: bytes) -> Response:
    sender = login.sender(request)
    if sender is None:
        return login.begin(request)
    sender.require(DISPATCH, GOVERN)
    text, token = _form(body)
    if not hmac.compare_digest(token, form_token(request.cookies[SESSION], proposal)):
        raise CentralError(
            "This comment was not written on this page, or the login is another since. Nothing "
            "was said.",
            "Open the proposal again, and write it there.",
            code="forbidden",
        )
    try:
        comment = NewComment(text=text)
    except ValidationError:
        raise CentralError(
            "A comment is visible text of 1 to 4,000 characters. Nothing was said.",
            "Go back, and write it anew.",
            code="request",
        ) from None
    roster = login.services.publication.current().roster
    most = login.services.settings.comments_per_day
    comment_on(login.services.database, roster, sender, proposal, comment, most=most)
    return RedirectResponse(f"{login.home}proposals/{proposal}#comments", 303)


def _form(body: bytes) -> tuple[str, str]:
    """The comment and the form's token. Raises CentralError for anything else."""
    try:
        fields = parse_qs(
            body.decode("ascii"), strict_parsing=True, max_num_fields=_FIELDS, errors="strict"
        )
        (text,), (token,) = fields["text"], fields["token"]
        token.encode("ascii")
    except (ValueError, KeyError):
        raise CentralError(
            "This is not what the page's form sends.", "Open the proposal again.", code="request"
        ) from None
    # A browser sends line ends as a carriage return and a line feed.
    return text.replace("\r\n", "\n").strip(), token
