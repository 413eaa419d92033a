"""Streams of events: server-sent, kept alive, and ended by the journey's end or by the shutdown."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from phtlab.central import news
from phtlab.central.events import events_after, is_done
from phtlab.central.services import Services
from phtlab.errors import CentralError, PhtlabError
from phtlab.train.identity import Member
from phtlab.wire.api import JourneyEvent
from phtlab.wire.central import KEEP_ALIVE_SECONDS

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_LARGEST = 2**63 - 1


def stream_events(
    services: Services, member: Member, last_event_id: str, journey: str | None
) -> StreamingResponse:
    """The events of `journey`, or of all of `member`'s, after the number `last_event_id`.

    Raises CentralError (``request``) if that is no number.
    """
    after = _number(last_event_id)

    def look(seen: int) -> tuple[list[JourneyEvent], bool]:
        services.publication.current().roster.member(member.name)  # A revoked member hears no more.
        with services.database.read() as session:
            # Asked in this order, the end is never seen before the last event.
            done = journey is not None and is_done(session, journey)
            return events_after(session, member, seen, journey), done

    return StreamingResponse(
        _stream(services, member, after, look), media_type="text/event-stream", headers=_HEADERS
    )


async def _stream(
    services: Services,
    member: Member,
    seen: int,
    look: Callable[[int], tuple[list[JourneyEvent], bool]],
) -> AsyncIterator[str]:
    quiet = 0.0
    poll = min(services.settings.poll_seconds, KEEP_ALIVE_SECONDS)
    yield ": phtlab\n\n"
    with services.news.subscribe(news.of_member(member.name)) as subscription:
        while not services.news.closed:
            try:
                events, done = await run_in_threadpool(look, seen)
            except PhtlabError:
                return
            for event in events:
                seen, quiet = event.number, 0.0
                yield f"id: {seen}\nevent: stop\ndata: {event.model_dump_json()}\n\n"
            if events:
                continue
            if done:
                yield "event: end\ndata: {}\n\n"
                return
            if not await subscription.wait(poll):
                quiet += poll
            if quiet >= KEEP_ALIVE_SECONDS:
                quiet = 0.0
                yield ": still here\n\n"


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text[:20]) > _LARGEST:
        raise CentralError("Last-Event-ID must be the number of an event, or 0.", code="request")
    return int(text[:20])
