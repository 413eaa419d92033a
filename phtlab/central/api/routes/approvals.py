"""HTTP routes: approvals, revocations and lists of active approvals."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from phtlab.central.api.access import Reader, StationMember
from phtlab.central.api.known_sender import KnownSenderRoute
from phtlab.central.api.paging import Before
from phtlab.central.context import PublishedNow, ServicesOf
from phtlab.central.governance.approvals import (
    active_approvals_of,
    put_active_approvals,
    put_approval,
    put_revocation,
    visible_approvals,
)
from phtlab.central.problems import RESPONSES
from phtlab.governance.proposal import ProposalId
from phtlab.train.canonical import Digest
from phtlab.train.crypto.identity import MemberName
from phtlab.train.documents.envelope import Envelope
from phtlab.wire.api.governance import ActiveApprovalsView, ApprovalPage, ApprovalView
from phtlab.wire.api.journeys import PREFIX

router = APIRouter(
    prefix=PREFIX, tags=["approvals"], responses=RESPONSES, route_class=KnownSenderRoute
)


@router.post("/approvals", status_code=201, summary="Deliver a station's approval")
def approve(
    envelope: Envelope,
    member: StationMember,
    published: PublishedNow,
    services: ServicesOf,
    response: Response,
) -> ApprovalView:
    """Only the station that signed the approval may, under a proposal or without one.

    Answers 201 for a new approval, 200 for a known one.
    """
    most = services.settings.decisions_per_day
    view, new = put_approval(services.database, published.roster, member, envelope, most=most)
    response.status_code = 201 if new else 200
    return view


@router.get("/approvals", summary="Approvals that concern the member")
def approvals(
    member: Reader,
    services: ServicesOf,
    station: Annotated[
        MemberName | None, Query(description="Only approvals of this station")
    ] = None,
    proposal: Annotated[
        ProposalId | Digest | None,
        Query(
            description="Only approvals under this proposal, or under this version of a proposal"
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
    before: Before = None,
) -> ApprovalPage:
    """Approvals of a researcher's trains, a station's own, or all for an officer.

    Newest first, revoked approvals included.
    """
    with services.database.read() as session:
        return visible_approvals(session, member, station, proposal, limit=limit, before=before)


@router.post("/revocations", status_code=201, summary="Revoke an approval")
def revoke(
    envelope: Envelope,
    member: StationMember,
    published: PublishedNow,
    services: ServicesOf,
    response: Response,
) -> ApprovalView:
    """Only the station may. Central keeps the first revocation of an approval.

    Answers 201 for a new revocation, 200 if the approval was revoked before.
    """
    view, new = put_revocation(services.database, published.roster, member, envelope)
    response.status_code = 201 if new else 200
    return view


@router.put("/standing/{station}", summary="Deliver a station's list of active approvals")
def put(
    station: MemberName,
    envelope: Envelope,
    member: StationMember,
    published: PublishedNow,
    services: ServicesOf,
) -> ActiveApprovalsView:
    """Only the station may. Central refuses a list with a lower number than the stored one."""
    return put_active_approvals(services.database, published.roster, member, station, envelope)


@router.get("/standing/{station}", summary="A station's active approvals")
def read_active_approvals(
    station: MemberName, member: Reader, services: ServicesOf
) -> ActiveApprovalsView:
    """The newest signed list of the digests of the station's active approvals.

    Verify it yourself: it expires soon, and its number only increases.
    """
    with services.database.read() as session:
        return active_approvals_of(session, station)
