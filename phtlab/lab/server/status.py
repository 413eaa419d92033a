"""`status`: who and where one is, and what keeps things from working."""

from __future__ import annotations

from phtlab.lab.server import api
from phtlab.lab.server.answers import status_answer
from phtlab.lab.server.exchange import Exchange, Nothing


class StatusExchange(Exchange[Nothing]):
    """GET: the status."""

    def read(self, **path: str) -> api.Status:
        return status_answer(self.workspace)
