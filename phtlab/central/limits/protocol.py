"""HTTP connections with limits: their number per address, and time for every request.

uvicorn closes a connection that is idle after an answer. It waits for ever for the head of a first
request, and for the rest of a body that no code reads any more, as long as bytes arrive now and
then; and it has no limit on the connections of one address.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, Final

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from phtlab.central.limits.concurrency import Concurrency

HEAD_SECONDS: Final = 10.0
"""Time for a request's head, and for the rest of a body after its answer."""
_TOO_MANY: Final = (
    b"HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)


def bounded_protocol(concurrency: Concurrency) -> type[asyncio.Protocol]:
    """Return uvicorn's protocol with the limits of `concurrency`, for its setting `http`."""
    connections = Counter[str]()

    class BoundedProtocol(AutoHTTPProtocol):  # type: ignore[misc,valid-type]  # (chosen at run time)
        address = ""
        deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            peer: Any = transport.get_extra_info("peername")
            address = peer[0] if isinstance(peer, tuple) else ""
            self._await_head()
            if not address or concurrency.is_trusted(address):
                return
            self.address = address
            connections[address] += 1
            if connections[address] > concurrency.of_address:
                transport.write(_TOO_MANY)
                transport.close()

        def connection_lost(self, exc: Exception | None) -> None:
            if self.address:
                connections[self.address] -= 1
                if not connections[self.address]:
                    del connections[self.address]
                self.address = ""
            self._forget_deadline()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self.transport.is_closing():
                return
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._forget_deadline()
            elif self.deadline is None:
                self._await_head()

        def _await_head(self) -> None:
            self.deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

        def _forget_deadline(self) -> None:
            if self.deadline is not None:
                self.deadline.cancel()
                self.deadline = None

    return BoundedProtocol
