"""What a start has come to, told to everyone who watches, also to those who come later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any


class SpawnProgress:
    """The events of one start after the other. For use in one event loop."""

    def __init__(self) -> None:
        self._events: list[dict[str, Any]] = []
        self._round = 0
        self._changed = asyncio.Event()

    def begin(self) -> None:
        """A new start: what was told of the last one is forgotten."""
        self._events = []
        self._round += 1
        self._wake()

    def add(self, percent: int, message: str) -> None:
        """Say it once: a repetition of the last event is left out, and no percentage falls."""
        reached = self._events[-1]["progress"] if self._events else 0
        event = {"progress": max(percent, reached), "message": message}
        if self._events[-1:] != [event]:
            self._events.append(event)
            self._wake()

    async def follow(self) -> AsyncIterator[dict[str, Any]]:
        """All events of this start, and then each new one. Whoever follows must end it."""
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
