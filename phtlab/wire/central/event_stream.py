"""Server-sent events, read line by line (WHATWG HTML, section 9.2.6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class ServerSentEvent:
    """One event. `id` is the last id in the stream, as the standard specifies."""

    kind: str
    id: str
    data: str


def read_events(lines: Iterable[str]) -> Iterator[ServerSentEvent]:
    """Yield the events in `lines`. Comments, which keep the connection alive, are dropped.

    An event cut off by the end of the stream is dropped, as the standard specifies.
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
