"""Long polls: a request reads, then waits for a notice of a change, and reads again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from fastapi import HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool

from phtlab.central.context import CentralContext
from phtlab.wire.central.client import MAX_WAIT_SECONDS

Read = Callable[[bool], str | None]
"""Reads the answer as JSON; None if nothing is new and the time is not over, as it is given."""


CLIENT_IS_GONE = 499
"""The status in the log of a poll whose client closed the connection: nobody receives it."""


async def long_poll(
    services: CentralContext,
    request: Request,
    topic: str,
    wait: float,
    read: Read,
    *,
    first: Read | None = None,
) -> Response:
    """Answer with what `read` finds, as soon as it finds something, or after `wait` seconds.

    At most MAX_WAIT_SECONDS. Reads run in a thread: one at once, which is `first` where given,
    and one after each notice of `topic`. Ends when the client closes the connection: it would
    count among the member's requests until `wait` is over.
    """
    deadline = time.monotonic() + min(wait, MAX_WAIT_SECONDS)
    read_once = first or read
    gone = asyncio.ensure_future(_closed(request))
    try:
        with services.bus.subscribe(topic) as subscription:
            gone.add_done_callback(lambda _: subscription.wake())
            while not gone.done():
                remaining = deadline - time.monotonic()
                over = remaining <= 0 or services.bus.closed
                async with services.long_poll_reads:
                    found = await run_in_threadpool(read_once, over)
                if found is not None:
                    return Response(found, media_type="application/json")
                await subscription.wait(remaining)
                read_once = read
        return Response(status_code=CLIENT_IS_GONE)
    finally:
        gone.cancel()


async def _closed(request: Request) -> None:
    """Return when the client has closed the connection, or sends what nobody asked for."""
    try:
        while (await request.receive())["type"] != "http.disconnect":
            pass
    except HTTPException:  # a body that a limit ends
        return
