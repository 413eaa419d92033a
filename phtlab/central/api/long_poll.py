"""Long polls: a request reads, then waits for a notice of a change, and reads again."""

from __future__ import annotations

import time
from collections.abc import Callable

from fastapi import Response
from starlette.concurrency import run_in_threadpool

from phtlab.central.context import CentralContext
from phtlab.wire.central.client import MAX_WAIT_SECONDS

Read = Callable[[bool], str | None]
"""Reads the answer as JSON; None if nothing is new and the time is not over, as it is given."""


async def long_poll(
    services: CentralContext, topic: str, wait: float, read: Read, *, first: Read | None = None
) -> Response:
    """Answer with what `read` finds, as soon as it finds something, or after `wait` seconds.

    At most MAX_WAIT_SECONDS. Reads run in a thread: one at once, which is `first` where given,
    and one after each notice of `topic`.
    """
    deadline = time.monotonic() + min(wait, MAX_WAIT_SECONDS)
    read_once = first or read
    with services.bus.subscribe(topic) as subscription:
        while True:
            remaining = deadline - time.monotonic()
            over = remaining <= 0 or services.bus.closed
            async with services.long_poll_reads:
                found = await run_in_threadpool(read_once, over)
            if found is not None:
                return Response(found, media_type="application/json")
            await subscription.wait(remaining)
            read_once = read
