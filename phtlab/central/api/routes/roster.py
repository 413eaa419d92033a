"""HTTP routes: officers publish the roster, everyone reads it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from phtlab.central.api.access import sender_of
from phtlab.central.context import CentralContext, ServicesOf
from phtlab.central.problems import RESPONSES
from phtlab.central.roster.publication import METADATA, TARGETS
from phtlab.errors import RosterError
from phtlab.wire.api.journeys import PREFIX, RosterBundle

router = APIRouter(
    prefix=PREFIX,
    tags=["roster"],
    responses={status: RESPONSES[status] for status in (401, 408, 413, 422, 429, 503)},
)
_ABSENT: dict[int | str, dict[str, Any]] = {404: RESPONSES[404]}


_BUNDLE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": RosterBundle.model_json_schema()}},
    }
}


@router.post(
    "/roster", status_code=204, summary="Publish a roster and catalogue", openapi_extra=_BUNDLE
)
async def publish(request: Request, services: ServicesOf) -> None:
    """Needs no token: a bundle is valid if the officers' threshold signed it under the pinned root.

    A bundle of more than 2 MiB also needs a member's token, once there are members. The same bundle
    again changes nothing; central refuses an older one.
    """
    if "authorization" in request.headers:
        await run_in_threadpool(_require_known, request, services)
    # Parsed in a thread: FastAPI would parse on the event loop and delay other requests.
    await run_in_threadpool(_publish, await request.body(), services)


def _require_known(request: Request, services: CentralContext) -> None:
    try:
        sender_of(request, services)
    except RosterError as error:
        if error.code != "roster-unpublished":  # before the first roster, nobody has a token
            raise


def _publish(content: bytes, services: CentralContext) -> None:
    try:
        bundle = RosterBundle.model_validate_json(content)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_input=False)) from None
    services.publication.accept(bundle)


@router.get(
    "/tuf/metadata/{name}", summary="TUF metadata", response_class=Response, responses=_ABSENT
)
def metadata(name: str, services: ServicesOf) -> Response:
    """Needs no token: the metadata is signed. Read it with a TUF client and your own root."""
    return Response(services.publication.file(METADATA, name), media_type="application/json")


@router.get(
    "/tuf/targets/{name}", summary="A TUF target", response_class=Response, responses=_ABSENT
)
def targets(name: str, services: ServicesOf) -> Response:
    """Needs no token: roster and catalogue, each with its SHA-256 before its name."""
    return Response(services.publication.file(TARGETS, name), media_type="application/json")
