"""`events`: server-sent events (HTML Living Standard, 9.2) of what changes in the workspace.

`status`, `stations`, `journeys` and `proposals` come at the start, whole, and again whenever they
change; `journey` is one journey that changed. Nobody polls: threads that hear of something say so
here.
"""

from __future__ import annotations

import json
from typing import Final

from tornado.iostream import StreamClosedError

from phtlab.lab.server import api
from phtlab.lab.server.answers import (
    journey_answer,
    journeys_answer,
    stations_answer,
    status_answer,
)
from phtlab.lab.server.exchange import Exchange, Nothing
from phtlab.lab.server.proposals import proposals_answer
from phtlab.lab.server.streams import Change, Changes
from phtlab.lab.workspace.central_follower import Kind

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
            await self.threads.run("slow", self.workspace.retry_now)
            try:
                await self._send(FIRST)
                while not changes.over:
                    batch = await changes.next(KEEP_ALIVE_SECONDS)
                    if not changes.over:  # a server that stops takes no more work
                        await self._send(batch)
                await self.finish(set_content_type="text/event-stream")
            except StreamClosedError:
                return

    def on_connection_close(self) -> None:
        if self._changes is not None:
            self._changes.close()

    async def _send(self, changes: tuple[Change, ...]) -> None:
        text = await self.threads.run("quick", lambda: "".join(map(self._event, changes)))
        self.write(text or ": nothing new\n\n")
        await self.flush()

    def _event(self, change: Change) -> str:
        event = self._data(*change)
        if event is None:
            return ""
        ((kind, data),) = event.to_json().items()
        return f"event: {kind}\ndata: {json.dumps(data, allow_nan=False)}\n\n"

    def _data(self, kind: Kind, journey: str | None) -> api.Event | None:
        if kind == "status":
            return api.Event(status=status_answer(self.workspace))
        if kind == "stations":
            return api.Event(stations=stations_answer(self.workspace))
        if kind == "journeys":
            return api.Event(journeys=journeys_answer(self.workspace, self.root.name))
        if kind == "proposals":
            return api.Event(proposals=proposals_answer(self.workspace))
        view = self.workspace.snapshot.journeys.get(journey or "")
        if view is None:
            return None
        return api.Event(journey=journey_answer(self.workspace, view, self.root.name))
