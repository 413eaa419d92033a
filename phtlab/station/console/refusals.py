"""Error pages: the one table of HTTP statuses by error code and class, and the handlers."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from phtlab import errors
from phtlab.errors import PhtlabError, StationError
from phtlab.station.console.pages import PageRenderer

_log = structlog.get_logger("phtlab.console")

BY_CODE: Final[Mapping[str, int]] = {
    "console-login": 401,
    "login-link": 401,
    "login-oidc": 401,
    "console-csrf": 403,
    "console-role": 403,
    "stop-unknown": 404,
    "person-unknown": 404,
    "console-unknown": 404,
    "console-form": 422,
    "data-set-unknown": 404,
    "policy-invalid": 422,
}
BY_CLASS: Final[Mapping[type[PhtlabError], int]] = {
    errors.UnreachableError: 503,
    errors.EngineMissingError: 503,
    errors.RosterStaleError: 503,
    PhtlabError: 409,
}
RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": description, "content": {"text/html": {"schema": {"type": "string"}}}}
    for status, description in {
        400: "Not a form",
        401: "Nobody is logged in",
        403: "Not of this role, or not from the console's own pages",
        404: "Not there",
        409: "Refused, with the reason",
        413: "Too large",
        421: "Asked for by another name",
        422: "A form with something wrong in it",
        503: "Central, the engine or the roster cannot be had just now",
    }.items()
}


def unknown(message: str, hint: str = "") -> StationError:
    """Return the error for a page or resource that does not exist."""
    return StationError(message, hint, code="console-unknown")


def status_of(error: PhtlabError) -> int:
    """Return the HTTP status of `error`: by its code, else by its nearest class."""
    if error.code in BY_CODE:
        return BY_CODE[error.code]
    return next(BY_CLASS[kind] for kind in type(error).__mro__ if kind in BY_CLASS)


def install(app: FastAPI, pages: PageRenderer) -> None:
    """Install handlers that answer every error as a page, or as a part of one for htmx."""

    def answer(request: Request, error: PhtlabError, status: int | None = None) -> Response:
        return pages.refusal(request, error, status or status_of(error))

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, PhtlabError)  # noqa: S101 (for mypy: registered for it)
        return answer(request, error)

    async def malformed(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        # Do not repeat the input: it may contain anything.
        reasons = "; ".join(
            f"{'.'.join(str(part) for part in wrong['loc'][1:])}: {wrong['msg']}"
            for wrong in error.errors()[:5]
        )
        return answer(
            request,
            StationError(f"Something in this form is wrong: {reasons}.", code="console-form"),
        )

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        if error.status_code == HTTPStatus.NOT_FOUND:
            return answer(request, unknown("The console has no such page."))
        phrase = HTTPStatus(error.status_code).phrase
        unanswered = StationError(
            f"The console cannot answer this: {phrase}.",
            "Go back and try again.",
            code="console-form",
        )
        return answer(request, unanswered, error.status_code)

    async def broken(request: Request, error: Exception) -> Response:
        # The error's text may contain anything, so only its place is logged.
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else ""
        _log.error("defect", type=type(error).__name__, at=where)
        return answer(
            request,
            StationError(
                "The console broke while it answered.",
                "The request may not have been carried out: read the audit log. The place of "
                "the defect is in the console's own log.",
                code="console-broken",
            ),
            500,
        )

    app.add_exception_handler(PhtlabError, refused)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, broken)
