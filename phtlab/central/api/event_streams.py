"""Server-sent event streams, with keep-alives, until the journey ends or central shuts down.

Each read of the database authenticates the sender again first: a revoked member receives no more
events, and central verifies a hub token with the hub every half minute.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from pydantic import BaseModel
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from phtlab.central.api.access import Requester
from phtlab.central.api.paging import LARGEST
from phtlab.central.changes import bus
from phtlab.central.context import CentralContext
from phtlab.central.governance.proposals import proposals_cursor
from phtlab.central.hub.users import READ
from phtlab.central.journeys.events import events_after, is_done
from phtlab.central.journeys.station_board import BoardEntry
from phtlab.central.journeys.stations import stations_of
from phtlab.errors import CentralError, PhtlabError
from phtlab.train.crypto.identity import Member
from phtlab.wire.api.journeys import JourneyEvent, ProposalsChanged, StationView
from phtlab.wire.central.connection import KEEP_ALIVE_SECONDS

# An event holds all stations, so a stream sends it at most this often.
STATIONS_SECONDS: Final = 1.0
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def stream_events(
    services: CentralContext,
    sender: Requester,
    member: Member,
    last_event_id: str,
    journey: str | None,
) -> StreamingResponse:
    """Stream the events of `journey`, or of all journeys of `member`, after `last_event_id`.

    Without `journey`, the stream also has the stations, and the number of the last change to the
    member's proposals. Raises CentralError (``request``) if `last_event_id` is not a number.
    """
    stream = _Stream(services, sender, member, journey, _number(last_event_id))
    return StreamingResponse(stream.events(), media_type="text/event-stream", headers=_HEADERS)


@dataclass
class _Stream:
    services: CentralContext
    sender: Requester
    member: Member
    journey: str | None
    seen: int
    shown: bytes = b""
    shown_at: float = -STATIONS_SECONDS
    held_back: bool = False
    proposals: int = 0

    async def events(self) -> AsyncIterator[bytes]:
        quiet = 0.0
        poll = min(self.services.settings.poll_seconds, KEEP_ALIVE_SECONDS)
        yield format_sse_event(comment="phtlab")
        with self.services.bus.subscribe(*self._topics()) as subscription:
            while not self.services.bus.closed:
                try:
                    events, done, stations, proposals = await run_in_threadpool(self._read_changes)
                except PhtlabError:
                    return
                if stations is not None:
                    quiet = 0.0
                    yield format_sse_event(event="stations", data_str=stations.json)
                if proposals is not None:
                    quiet = 0.0
                    yield _event("proposals", proposals)
                for event in events:
                    self.seen, quiet = event.number, 0.0
                    yield _event("stop", event, str(self.seen))
                if events:
                    continue
                if done:
                    yield format_sse_event(event="end", data_str="{}")
                    return
                patience = min(poll, STATIONS_SECONDS) if self.held_back else poll
                if not await subscription.wait(patience):
                    quiet += patience
                if quiet >= KEEP_ALIVE_SECONDS:
                    quiet = 0.0
                    yield format_sse_event(comment="still here")

    def _topics(self) -> tuple[str, ...]:
        own = bus.of_member(self.member.name)
        return (own,) if self.journey is not None else (own, bus.STATIONS)

    def _read_changes(
        self,
    ) -> tuple[list[JourneyEvent], bool, BoardEntry | None, ProposalsChanged | None]:
        sender = self.sender.again()
        sender.require(READ)
        member = sender.as_member()
        stations = None if self.journey is not None else self._stations()
        with self.services.database.read() as session:
            # In this order, the stream never reads the end before the last event.
            done = self.journey is not None and is_done(session, self.journey)
            proposals = None if self.journey is not None else self._proposals(session, member)
            events = events_after(session, self.member, self.seen, self.journey)
            return events, done, stations, proposals

    def _proposals(self, session: Session, member: Member) -> ProposalsChanged | None:
        """Return the number of the last change to the proposals, None if already sent."""
        newest = proposals_cursor(session, member.name, officer="officer" in member.roles)
        if newest == self.proposals:
            return None
        self.proposals = newest
        return ProposalsChanged(changed=newest)

    def _stations(self) -> BoardEntry | None:
        """Return the stations if they changed, at most once per STATIONS_SECONDS."""
        now = time.monotonic()
        self.held_back = now - self.shown_at < STATIONS_SECONDS
        if self.held_back:
            return None
        current = self.services.board.now(self.services.bus.stations_serial, self._read_stations)
        if current.mark == self.shown:
            return None
        self.shown, self.shown_at = current.mark, now
        return current

    def _read_stations(self) -> tuple[StationView, ...]:
        services = self.services
        roster = services.publication.current().roster
        with services.database.read() as session:
            return stations_of(session, roster, services.clock(), services.online)


def _event(kind: str, value: BaseModel, number: str | None = None) -> bytes:
    return format_sse_event(event=kind, data_str=value.model_dump_json(), id=number)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text[:20]) > LARGEST:
        raise CentralError("Last-Event-ID must be the number of an event, or 0.", code="request")
    return int(text[:20])
