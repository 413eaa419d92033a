"""A limit on what a request may carry, held while it arrives."""

from __future__ import annotations

from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from phtlab.central.problems import answer
from phtlab.errors import CentralError
from phtlab.train.envelope import MAX_ENVELOPE_BYTES
from phtlab.wire.api import PREFIX
from phtlab.wire.central import MAX_TWIN_BYTES

MAX_BODY_BYTES: Final = MAX_ENVELOPE_BYTES
MAX_BUNDLE_BYTES: Final = 32 * 2**20


class BodyLimit:
    """Answers 413 to a body that is over the limit of its path, said or unsaid."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = limit_of(scope["path"])
        headers = dict(scope["headers"])
        said = headers.get(b"content-length", b"0")
        if said.isdigit() and int(said[:20]) > limit:
            await answer(_too_large(limit))(scope, receive, send)
            return
        got = 0

        async def counted() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > limit:
                # FastAPI passes on only this class from within a body.
                raise HTTPException(413, _too_large(limit).message)
            return message

        await self._app(scope, counted, send)


def limit_of(path: str) -> int:
    """How many bytes a request to `path` may carry."""
    if path.startswith(f"{PREFIX}/stations/self/twins/"):
        return MAX_TWIN_BYTES
    if path == f"{PREFIX}/roster":
        return MAX_BUNDLE_BYTES
    return MAX_BODY_BYTES


def _too_large(limit: int) -> CentralError:
    return CentralError(
        f"This request is too large: central takes {limit:,} bytes here.", code="too-large"
    )
