"""Progress of a start, for all who watch it, including those who come later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any


class SpawnProgress:
    """The events of the present start. For use in one event loop."""

    def __init__(self) -> None:
        self._events: list[dict[str, Any]] = []
        self._round = 0
        self._changed = asyncio.Event()

    def begin(self) -> None:
        """Begin a new start, and drop the events of the last."""
        self._events = []
        self._round += 1
        self._wake()

    def add(self, percent: int, message: str) -> None:
        """Add an event, unless it repeats the last one; the percentage never falls."""
        reached = self._events[-1]["progress"] if self._events else 0
        event = {"progress": max(percent, reached), "message": message}
        if self._events[-1:] != [event]:
            self._events.append(event)
            self._wake()

    async def follow(self) -> AsyncIterator[dict[str, Any]]:
        """Yield all events of this start, then each new one, until the caller stops."""
        reported, of = 0, self._round
        while True:
            changed = self._changed
            if of != self._round:
                reported, of = 0, self._round
            for event in self._events[reported:]:
                reported += 1
                yield dict(event)
            if changed is self._changed:
                await changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
