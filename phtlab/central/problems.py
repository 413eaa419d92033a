"""Refusals as HTTP answers (RFC 9457): the one mapping of error classes and codes to statuses."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from phtlab import errors
from phtlab.errors import CentralError, PhtlabError
from phtlab.wire.api.journeys import Problem
from phtlab.wire.central.problem import MEDIA_TYPE, problem_of

_log = structlog.get_logger("phtlab.central")

BY_CODE: Final[Mapping[str, int]] = {
    "unauthenticated": 401,
    "token-invalid": 401,
    "token-audience": 401,
    "token-expired": 401,
    "forbidden": 403,
    "hub-scope": 403,
    "not-found": 404,
    "train-unknown": 404,
    "train-removed": 410,
    "record-exists": 409,
    "round-exists": 409,
    "final-needs-record": 409,
    "twin-digest": 409,
    "proposal-version": 409,
    "proposal-withdrawn": 409,
    "withdrawal-version": 409,
    "standing-rolled-back": 409,
    "audit-unfit": 409,
    "inline-content": 422,
    "notification-mail": 422,
    "notification-webhook": 422,
    "too-large": 413,
    "too-many-requests": 429,
    "quota": 429,
    "request-slow": 408,
    "central-database": 503,
    "roster-unpublished": 503,
    "hub-unreachable": 503,
    "request": 422,
}

BY_CLASS: Final[Mapping[type[PhtlabError], int]] = {
    errors.NotebookError: 422,
    errors.ParameterError: 422,
    errors.TrainError: 422,
    errors.SignatureError: 422,
    errors.OrderReplayedError: 409,
    errors.OrderError: 422,
    errors.RecordError: 422,
    errors.ProposalError: 422,
    errors.ApprovalError: 422,
    errors.AuditError: 422,
    errors.RosterStaleError: 503,
    errors.RosterError: 422,
    errors.SealError: 422,
    errors.UnreachableError: 502,
    errors.RegistryError: 502,
    errors.JourneyError: 409,
    errors.CentralError: 400,
    PhtlabError: 500,
}

RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    status: {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, description in {
        401: "No token, or an invalid token",
        403: "This member or token does not have the permission",
        404: "Not found, or not visible to this member",
        409: "Conflicts with central's data",
        408: "The request arrived too slowly",
        413: "Too large",
        422: "Refused, with the reason",
        429: "Too many requests at the same time",
        503: "No roster is published yet, or the database or the hub does not answer",
    }.items()
}


class Refusal(Exception):  # noqa: N818 (an answer, not one of phtlab's errors)
    """An error with the status of the place that raised it, such as 401 for an unknown sender."""

    def __init__(self, error: PhtlabError, status: int) -> None:
        super().__init__(str(error))
        self.error = error
        self.status = status


def unauthenticated(error: PhtlabError) -> Refusal:
    """Return the refusal for a sender that failed authentication, with the reason."""
    return Refusal(error, 401)


def forbidden(message: str, hint: str = "") -> CentralError:
    """Return the error for an action that an authenticated sender may not take."""
    return CentralError(message, hint, code="forbidden")


def not_found(message: str, hint: str = "") -> CentralError:
    """Return the error for what does not exist, or what the sender may not see."""
    return CentralError(message, hint, code="not-found")


def status_of(error: PhtlabError) -> int:
    """Return the HTTP status of `error`: by its code, else by its nearest class."""
    if error.code in BY_CODE:
        return BY_CODE[error.code]
    return next(BY_CLASS[kind] for kind in type(error).__mro__ if kind in BY_CLASS)


def answer(error: PhtlabError, status: int | None = None) -> Response:
    """Return `error` as an HTTP answer."""
    number = status or status_of(error)
    problem = problem_of(error, number, HTTPStatus(number).phrase)
    headers = {"WWW-Authenticate": "Bearer"} if number == HTTPStatus.UNAUTHORIZED else None
    return JSONResponse(problem.model_dump(), number, headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make `app` answer every error as a problem."""
    app.add_exception_handler(PhtlabError, _refused)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _broken)


def add_schema(document: dict[str, Any]) -> None:
    """Add the problem's schema to an OpenAPI `document`."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema()


async def _refused(_: Request, error: Exception) -> Response:
    if isinstance(error, Refusal):
        return answer(error.error, error.status)
    assert isinstance(error, PhtlabError)  # noqa: S101 (for mypy: registered for it)
    return answer(error)


async def _malformed(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    # Do not repeat what the sender wrote: it may be anything.
    reasons = "; ".join(
        f"{'.'.join(str(part) for part in wrong['loc'])}: {wrong['msg']}"
        for wrong in error.errors()[:5]
    )
    return answer(
        CentralError(f"This request is not of the API's form: {reasons}.", code="request")
    )


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return answer(CentralError(str(error.detail), code="too-large"))
    if error.status_code == HTTPStatus.REQUEST_TIMEOUT:
        return answer(CentralError(str(error.detail), code="request-slow"))
    code = "not-found" if error.status_code == HTTPStatus.NOT_FOUND else "request"
    phrase = HTTPStatus(error.status_code).phrase
    sentence = f"{phrase}: central's API has no such address or method; see /openapi.json."
    return answer(CentralError(sentence, code=code), error.status_code)


async def _broken(_: Request, error: Exception) -> Response:
    _log.error("broken", error=type(error).__name__, exc_info=error)
    broken = CentralError(
        "Central broke while it answered.",
        "Its log names the request by the X-Request-ID of this answer.",
        code="broken",
    )
    return answer(broken, 500)
