"""`status`: who and where one is, and what keeps things from working."""

from __future__ import annotations

from phtlab.lab.server.answers import Shape, status_shape
from phtlab.lab.server.exchange import Exchange, Nothing


class StatusExchange(Exchange[Nothing]):
    """GET: `IStatus`."""

    def read(self, **path: str) -> Shape:
        return status_shape(self.workspace)
