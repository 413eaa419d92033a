"""Self-updating parts of a page: server-sent events with new content, which htmx swaps in.

A part is rendered once a second, and sent if it differs from what the browser has. An open stream
does not keep a session alive, and ends with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

from fastapi import Request
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from starlette.concurrency import run_in_threadpool

from phtlab.errors import PhtlabError
from phtlab.station.console.access import worker_of
from phtlab.station.console.console import Console
from phtlab.station.console.pages import stamp

SECONDS: Final = 1.0
_KEEP_ALIVE: Final = 15


def stream(request: Request, console: Console, make: Callable[[], str], seen: str) -> EventStream:
    """Stream the text of `make`: at once unless it is `seen`, then whenever it changes."""

    async def events() -> AsyncIterator[bytes]:
        known, quiet = seen, 0
        while not console.closing.is_set():
            if await run_in_threadpool(worker_of, request, console, touch=False) is None:
                return
            try:
                text = await run_in_threadpool(make)
            except PhtlabError:
                return  # the page, when reloaded, shows the error
            if (new := stamp(text)) != known:
                known, quiet = new, 0
                yield format_sse_event(id=known, data_str=text)
            elif (quiet := quiet + 1) % _KEEP_ALIVE == 0:
                yield format_sse_event(comment="still here")
            await asyncio.sleep(SECONDS)

    return EventStream(events())


class EventStream(StreamingResponse):
    """A response of server-sent events, with their media type."""

    media_type = "text/event-stream"
