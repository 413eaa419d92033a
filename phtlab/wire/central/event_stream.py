"""Server-sent events, read line by line (WHATWG HTML, section 9.2.6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class ServerSentEvent:
    """One event. `id` is the last id that the stream named, as the standard has it."""

    kind: str
    id: str
    data: str


def read_events(lines: Iterable[str]) -> Iterator[ServerSentEvent]:
    """The events in `lines`. Comments keep the connection alive and are dropped.

    An event that the end of the stream cuts off is dropped, as the standard says.
    """
    kind, identifier, data = "message", "", list[str]()
    for line in lines:
        if not line:
            if data:
                yield ServerSentEvent(kind, identifier, "\n".join(data))
            kind, data = "message", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            kind = value
        elif field == "id":
            identifier = value
        elif field == "data":
            data.append(value)
