"""The roster over HTTP: officers publish, everyone reads."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from phtlab.central.problems import RESPONSES
from phtlab.central.publication import METADATA, TARGETS
from phtlab.central.services import ServicesOf
from phtlab.wire.api import PREFIX, RosterBundle

router = APIRouter(
    prefix=PREFIX,
    tags=["roster"],
    responses={status: RESPONSES[status] for status in (413, 422, 503)},
)
_ABSENT: dict[int | str, dict[str, Any]] = {404: RESPONSES[404]}


@router.post("/roster", status_code=204, summary="Publish a roster and catalogue")
def publish(bundle: RosterBundle, services: ServicesOf) -> None:
    """Needs no token: a bundle counts if the officers' threshold signed it under the pinned root.

    The same bundle again changes nothing; an older one is refused.
    """
    services.publication.accept(bundle)


@router.get(
    "/tuf/metadata/{name}", summary="TUF metadata", response_class=Response, responses=_ABSENT
)
def metadata(name: str, services: ServicesOf) -> Response:
    """Open to all: it is signed. Read it with a TUF client, starting from your own root."""
    return Response(services.publication.file(METADATA, name), media_type="application/json")


@router.get(
    "/tuf/targets/{name}", summary="A TUF target", response_class=Response, responses=_ABSENT
)
def targets(name: str, services: ServicesOf) -> Response:
    """Open to all: roster and catalogue, with their SHA-256 before the name."""
    return Response(services.publication.file(TARGETS, name), media_type="application/json")
