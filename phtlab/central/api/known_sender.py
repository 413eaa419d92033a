"""Routes that authenticate the sender before they read the request's body."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from phtlab.central.api.access import sender_of
from phtlab.central.context import services_of


class KnownSenderRoute(APIRoute):
    """A route that calls `sender_of`, if the route depends on it, before it reads the body.

    FastAPI reads and parses the body before it resolves dependencies, so an unknown sender could
    make central read the largest allowed body.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if self.body_field is None or not _depends_on_sender(self.dependant):
            return handle

        async def known(request: Request) -> Response:
            await run_in_threadpool(sender_of, request, services_of(request))
            return await handle(request)

        return known


def _depends_on_sender(dependant: Dependant) -> bool:
    return dependant.call is sender_of or any(map(_depends_on_sender, dependant.dependencies))
