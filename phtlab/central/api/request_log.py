"""One JSON log line per request: sender, route, status and duration. Never content."""

from __future__ import annotations

import logging
import re
import secrets
import sys
import time
from typing import Any, Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from phtlab.central.metrics import Metrics

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
_log = structlog.get_logger("phtlab.central")


def configure_logs(level: int = logging.INFO) -> None:
    """Write logs as JSON to standard error. Called by the command, not on import."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(
                # Frames only: local variables may hold secrets and content.
                structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
            ),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


class RequestLog:
    """ASGI middleware that gives each request an id, counts it and logs it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(dict(scope["headers"]))
        began = time.monotonic()
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        with structlog.contextvars.bound_contextvars(request=request_id):
            try:
                await self._app(scope, receive, noted)
            finally:
                self._note(scope, status, time.monotonic() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        # The route's pattern, not the path: no ids in the metrics, no query in metrics or log.
        route = _route(scope)
        self._metrics.requests.labels(scope["method"], route, str(status)).inc()
        self._metrics.seconds.labels(scope["method"], route).observe(seconds)
        _log.info(
            "request",
            method=scope["method"],
            route=route,
            path_params=_safe_parameters(scope.get("path_params", {})),
            member=scope.get("state", {}).get("member"),
            by=scope.get("state", {}).get("by"),
            status=status,
            ms=round(seconds * 1000, 1),
        )


def _route(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", "unknown"))


def _safe_parameters(params: dict[str, Any]) -> dict[str, str]:
    return {name: str(value)[:80] for name, value in params.items()}


def _request_id(headers: dict[bytes, bytes]) -> str:
    given = headers.get(b"x-request-id", b"").decode("latin-1")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
