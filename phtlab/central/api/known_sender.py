"""Routes that look at who sends a request before they read what it carries."""

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
    """A route whose `sender_of`, if it asks for one, is answered before the body is read.

    FastAPI reads and parses a body first, and asks a route's dependencies then: whoever is not
    known could have central read as much as a body may hold.
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
