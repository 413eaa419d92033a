"""HTTP routes: acceptances of the consortium's agreement."""

from __future__ import annotations

from fastapi import APIRouter, Response

from phtlab.central.api.access import Dispatcher, Reader
from phtlab.central.api.known_sender import KnownSenderRoute
from phtlab.central.context import PublishedNow, ServicesOf
from phtlab.central.governance.acceptances import accept_agreement, acceptances
from phtlab.central.problems import RESPONSES
from phtlab.train.documents.envelope import Envelope
from phtlab.wire.api.governance import AcceptanceView
from phtlab.wire.api.journeys import PREFIX

router = APIRouter(
    prefix=f"{PREFIX}/acceptances",
    tags=["agreement"],
    responses=RESPONSES,
    route_class=KnownSenderRoute,
)


@router.post("", status_code=201, summary="Accept the consortium's agreement")
def accept(
    envelope: Envelope,
    member: Dispatcher,
    published: PublishedNow,
    services: ServicesOf,
    response: Response,
) -> AcceptanceView:
    """A member submits their own signed acceptance of the agreement in the current catalogue.

    Answers 201 for a new acceptance, 200 if the member accepted this text before.
    """
    view, new = accept_agreement(services.database, published, member, envelope)
    response.status_code = 201 if new else 200
    return view


@router.get("", summary="Acceptances of the consortium's agreement")
def listed(
    member: Reader, published: PublishedNow, services: ServicesOf
) -> tuple[AcceptanceView, ...]:
    """For all members: acceptances of the text in force. Each is signed: verify it yourself."""
    with services.database.read() as session:
        return acceptances(session, published)
