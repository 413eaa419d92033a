"""HTTP routes: proposals, their versions, comments, reviews and decisions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from phtlab.central.api.access import Commenter, Dispatcher, Reader, StationMember
from phtlab.central.api.known_sender import KnownSenderRoute
from phtlab.central.api.paging import Before, Number
from phtlab.central.api.proposal_comments import begin_review, comment_on
from phtlab.central.context import PublishedNow, ServicesOf
from phtlab.central.governance.approvals import decide
from phtlab.central.governance.proposal_views import proposal_view
from phtlab.central.governance.proposals import (
    submit_proposal,
    visible_proposal,
    visible_proposals,
    withdraw_proposal,
)
from phtlab.central.problems import RESPONSES
from phtlab.governance.proposal import ProposalId
from phtlab.train.crypto.identity import MemberName
from phtlab.train.documents.envelope import Envelope
from phtlab.wire.api.governance import NewComment, ProposalPage, ProposalView, ReviewBegun
from phtlab.wire.api.journeys import PREFIX

router = APIRouter(
    prefix=f"{PREFIX}/proposals",
    tags=["proposals"],
    responses=RESPONSES,
    route_class=KnownSenderRoute,
)


@router.post("", status_code=201, summary="Submit a signed version of a proposal")
def submit(
    envelope: Envelope,
    member: Dispatcher,
    published: PublishedNow,
    services: ServicesOf,
    response: Response,
) -> ProposalView:
    """Only its researcher may. The version follows the newest one; its stations see it at once.

    Answers 201 for a new version, 200 for a known one.
    """
    most = services.settings.proposals_per_day
    view, new = submit_proposal(services.database, published.roster, member, envelope, most=most)
    response.status_code = 201 if new else 200
    return view


@router.get("", summary="The proposals that the member may read")
def mine(
    member: Reader,
    services: ServicesOf,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Before = None,
    after: Number = 0,
) -> ProposalPage:
    """A researcher's own proposals, those that name a station, or all for an officer.

    Last changed first, and only those that changed after number `after`.
    """
    with services.database.read() as session:
        return visible_proposals(
            session,
            member,
            services.publication.current().roster,
            services.clock(),
            limit=limit,
            before=before,
            after=after,
        )


@router.get("/{proposal}", summary="A proposal, with its versions and comments")
def read_proposal(proposal: ProposalId, member: Reader, services: ServicesOf) -> ProposalView:
    """For its researcher, the stations that any version named, and officers."""
    with services.database.read() as session:
        row = visible_proposal(session, member, proposal)
        return proposal_view(row, services.publication.current().roster, services.clock())


@router.post("/{proposal}/comments", status_code=201, summary="Comment on a proposal")
def comment(
    proposal: ProposalId,
    comment: NewComment,
    sender: Commenter,
    published: PublishedNow,
    services: ServicesOf,
) -> ProposalView:
    """For members who may see the proposal. A comment is not signed and has no effect.

    A station that the newest version names may mark its comment as a question, open until the
    station decides.
    """
    most = services.settings.comments_per_day
    return comment_on(services.database, published.roster, sender, proposal, comment, most=most)


@router.post("/{proposal}/withdrawal", summary="Withdraw a proposal")
def withdraw(
    proposal: ProposalId,
    envelope: Envelope,
    member: Dispatcher,
    published: PublishedNow,
    services: ServicesOf,
) -> ProposalView:
    """Only its researcher may, by a signed withdrawal of the newest version."""
    return withdraw_proposal(services.database, published.roster, member, proposal, envelope)


@router.put("/{proposal}/reviews/{station}", summary="Report that a station reviews a version")
def review(
    proposal: ProposalId,
    station: MemberName,
    begun: ReviewBegun,
    member: StationMember,
    published: PublishedNow,
    services: ServicesOf,
) -> ProposalView:
    """Only the station may. For display, and for the newest version only."""
    return begin_review(
        services.database, published.roster, member, proposal, station, begun.proposal
    )


@router.put("/{proposal}/decisions/{station}", summary="Deliver a station's decision")
def decision(
    proposal: ProposalId,
    station: MemberName,
    envelope: Envelope,
    member: StationMember,
    published: PublishedNow,
    services: ServicesOf,
) -> ProposalView:
    """Only the station may: its signed approval under the proposal, or its signed refusal.

    The decision is valid for exactly the version that it names. `GET /approvals` lists approvals.
    """
    most = services.settings.decisions_per_day
    return decide(
        services.database, published.roster, member, proposal, station, envelope, most=most
    )
