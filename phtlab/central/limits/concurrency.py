"""Limits on the concurrent requests of one address and of one member.

A long poll or a stream of events counts as long as it lasts. Addresses of trusted proxies are not
counted: what a proxy forwards counts for the address that it names.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from phtlab.central.problems import answer
from phtlab.errors import CentralError

_HELD: Final = "under_way_of"


class Concurrency:
    """Counts of concurrent requests: at most `of_address` and `of_member`; `trusted` is exempt."""

    def __init__(self, of_address: int, of_member: int, trusted: Collection[str]) -> None:
        self.of_address = of_address
        self._of_member = of_member
        self._trusted = frozenset(trusted)
        self._under_way = Counter[str]()
        self._lock = threading.Lock()

    def is_trusted(self, address: str) -> bool:
        """Return whether `address` is a trusted proxy, which forwards others' requests."""
        return address in self._trusted

    def enter_member(self, request: HTTPConnection, member: str) -> None:
        """Count `request` for `member` until it ends; further calls have no effect.

        Raises CentralError (``too-many-requests``).
        """
        held: list[str] | None = request.scope.get("state", {}).get(_HELD)
        name = f"member {member}"
        if held is None or name in held:
            return
        self._enter(name, self._of_member, f"of {member}")
        held.append(name)

    @contextmanager
    def under_way(self, scope: Scope) -> Iterator[None]:
        """Count a request while it runs. Raises CentralError (``too-many-requests``)."""
        held: list[str] = []
        scope.setdefault("state", {})[_HELD] = held
        address = (scope.get("client") or ("",))[0]
        try:
            if not self.is_trusted(address):
                self._enter(f"address {address}", self.of_address, "from this address")
                held.append(f"address {address}")
            yield
        finally:
            for name in held:
                self._leave(name)

    def _enter(self, name: str, most: int, whose: str) -> None:
        with self._lock:
            if self._under_way[name] >= most:
                raise CentralError(
                    f"{most} requests {whose} are under way, and central takes no more at the "
                    "same time.",
                    "Let one of them end.",
                    code="too-many-requests",
                )
            self._under_way[name] += 1

    def _leave(self, name: str) -> None:
        with self._lock:
            self._under_way[name] -= 1
            if not self._under_way[name]:
                del self._under_way[name]


class ConcurrencyLimit:
    """Answers 429 to a request over the limit of its address."""

    def __init__(self, app: ASGIApp, concurrency: Concurrency) -> None:
        self._app = app
        self._concurrency = concurrency

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with ExitStack() as ending:
            try:
                ending.enter_context(self._concurrency.under_way(scope))
            except CentralError as beyond:
                await answer(beyond)(scope, receive, send)
                return
            await self._app(scope, receive, send)
