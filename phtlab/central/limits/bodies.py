"""Limits on request bodies, checked while they arrive: size, duration and number at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from phtlab.central.problems import answer
from phtlab.errors import CentralError
from phtlab.train.documents.envelope import MAX_ENVELOPE_BYTES
from phtlab.wire.api.journeys import PREFIX
from phtlab.wire.central.client import MAX_BUNDLE_BYTES, MAX_OPEN_BUNDLE_BYTES, MAX_TWIN_BYTES

MAX_BODY_BYTES: Final = MAX_ENVELOPE_BYTES
BODY_SECONDS: Final = 30.0
"""Time that a body may take, whatever its size."""
SLOWEST: Final = 256 * 1024
"""Bytes per second: the limit of a body divided by this is added to its time."""
MOST_AT_ONCE: Final = 32
"""Bodies that one address may send at the same time."""


class BodyLimit:
    """Answers 413, 408 or 429 to a body over a limit of its path, declared or not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._arriving: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        if scope["type"] != "http" or not _carries(headers):
            await self._app(scope, receive, send)
            return
        limit = limit_of(scope["path"], known=b"authorization" in headers)
        length_header = headers.get(b"content-length", b"0")
        address = (scope.get("client") or ("",))[0]
        if length_header.isdigit() and int(length_header[:20]) > limit:
            await answer(_too_large(limit))(scope, receive, send)
        elif self._arriving[address] >= MOST_AT_ONCE:
            await answer(_too_many())(scope, receive, send)
        else:
            await self._limited(scope, receive, send, limit, address)

    async def _limited(
        self, scope: Scope, receive: Receive, send: Send, limit: int, address: str
    ) -> None:
        got = 0
        arriving = True
        deadline = asyncio.get_running_loop().time() + BODY_SECONDS + limit / SLOWEST

        def body_complete() -> None:
            nonlocal arriving
            if arriving:
                arriving = False
                self._arriving[address] -= 1
                if not self._arriving[address]:
                    del self._arriving[address]

        async def counted() -> Message:
            nonlocal got
            try:
                async with asyncio.timeout_at(deadline if arriving else None):
                    message = await receive()
            except TimeoutError:
                # FastAPI passes on only this exception class while it reads a body.
                raise HTTPException(408, "The request did not arrive in time.") from None
            got += len(message.get("body", b""))
            if got > limit:
                raise HTTPException(413, str(_too_large(limit)))
            if not message.get("more_body", False):
                body_complete()
            return message

        self._arriving[address] += 1
        try:
            await self._app(scope, counted, send)
        finally:
            body_complete()


def _carries(headers: dict[bytes, bytes]) -> bool:
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


def limit_of(path: str, *, known: bool) -> int:
    """Return the largest body for `path` in bytes; `known` if the request names its sender."""
    if path.startswith(f"{PREFIX}/stations/self/twins/"):
        return MAX_TWIN_BYTES
    if path == f"{PREFIX}/roster":
        return MAX_BUNDLE_BYTES if known else MAX_OPEN_BUNDLE_BYTES
    return MAX_BODY_BYTES


def _too_many() -> CentralError:
    return CentralError(
        f"{MOST_AT_ONCE} requests are on their way from this address.",
        "Let one of them end.",
        code="too-many-requests",
    )


def _too_large(limit: int) -> CentralError:
    return CentralError(
        f"This request is too large: central takes {limit:,} bytes here.", code="too-large"
    )
