"""`events`: server-sent events (HTML Living Standard, 9.2) of what changes in the workspace.

`status`, `stations`, `journeys` and `proposals` come at the start, whole, and again whenever they
change; `journey` is one journey that changed. Nobody polls: threads that hear of something say so
here.
"""

from __future__ import annotations

import json
from typing import Any, Final

from tornado.iostream import StreamClosedError

from phtlab.lab.server.answers import journey_shape, journeys_shape, stations_shape, status_shape
from phtlab.lab.server.exchange import Exchange, Nothing
from phtlab.lab.server.proposals import proposals_shape
from phtlab.lab.server.streams import Change, Changes

KEEP_ALIVE_SECONDS: Final = 15.0
FIRST: Final[tuple[Change, ...]] = (
    ("status", None),
    ("stations", None),
    ("journeys", None),
    ("proposals", None),
)


class EventsExchange(Exchange[Nothing]):
    """GET: `text/event-stream`, until one of both goes."""

    _changes: Changes | None = None

    async def respond(self, **path: str) -> None:
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-store")
        # Some proxies keep answers back until they end.
        self.set_header("X-Accel-Buffering", "no")
        with self.streams.open(self.workspace) as changes:
            self._changes = changes
            await self.threads.run("slow", self.workspace.look_again)
            try:
                await self._tell(FIRST)
                while not changes.over:
                    told = await changes.next(KEEP_ALIVE_SECONDS)
                    if not changes.over:  # a server that stops takes no more work
                        await self._tell(told)
                await self.finish(set_content_type="text/event-stream")
            except StreamClosedError:
                return

    def on_connection_close(self) -> None:
        if self._changes is not None:
            self._changes.close()

    async def _tell(self, changes: tuple[Change, ...]) -> None:
        told = await self.threads.run("quick", lambda: "".join(map(self._event, changes)))
        self.write(told or ": nothing new\n\n")
        await self.flush()

    def _event(self, change: Change) -> str:
        data = self._data(*change)
        return "" if data is None else f"event: {change[0]}\ndata: {json.dumps(data)}\n\n"

    def _data(self, kind: str, journey: str | None) -> Any:
        if kind == "status":
            return status_shape(self.workspace)
        if kind == "stations":
            return stations_shape(self.workspace)
        if kind == "journeys":
            return journeys_shape(self.workspace, self.root.name)
        if kind == "proposals":
            return proposals_shape(self.workspace)
        view = self.workspace.news.journeys.get(journey or "")
        return None if view is None else journey_shape(self.workspace, view, self.root.name)
