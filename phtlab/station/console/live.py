"""Parts of a page that renew themselves: server-sent events with what changed, for htmx to swap in.

A part is made anew once a second and sent when it is not what the browser has. What is open in a
browser does not keep a login alive, and ends with it.
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
    """What `make` returns, now if it is not `seen` and then at each change."""

    async def events() -> AsyncIterator[bytes]:
        known, quiet = seen, 0
        while not console.closing.is_set():
            if await run_in_threadpool(worker_of, request, console, touch=False) is None:
                return
            try:
                text = await run_in_threadpool(make)
            except PhtlabError:
                return  # the page, loaded again, says what is wrong
            if (new := stamp(text)) != known:
                known, quiet = new, 0
                yield format_sse_event(id=known, data_str=text)
            elif (quiet := quiet + 1) % _KEEP_ALIVE == 0:
                yield format_sse_event(comment="still here")
            await asyncio.sleep(SECONDS)

    return EventStream(events())


class EventStream(StreamingResponse):
    """A stream of events; its media type is in the console's document."""

    media_type = "text/event-stream"
