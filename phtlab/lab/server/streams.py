"""What changed since a browser was last told, kept for each open stream of events."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from phtlab.lab.workspace.central_follower import Kind
from phtlab.lab.workspace.workspace import Workspace

Change = tuple[Kind, str | None]


class Changes:
    """What one stream has to tell, each thing once: a slow reader gets the newest, not a heap.

    `add` may be called from any thread, the rest from the event loop.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._pending: dict[Change, None] = {}
        self._some = asyncio.Event()
        self._over = False

    def add(self, kind: Kind, journey: str | None = None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._add, (kind, journey))
        except RuntimeError:  # the loop is closed: the server ends, and nobody listens
            self._over = True

    def close(self) -> None:
        self._over = True
        self._some.set()

    @property
    def over(self) -> bool:
        return self._over

    async def next(self, seconds: float) -> tuple[Change, ...]:
        """What is to be told, in the order in which it first changed; nothing after `seconds`."""
        try:
            await asyncio.wait_for(self._some.wait(), seconds)
        except TimeoutError:
            return ()
        pending, self._pending = tuple(self._pending), {}
        if not self._over:
            self._some.clear()
        return pending

    def _add(self, change: Change) -> None:
        self._pending[change] = None
        self._some.set()


class Streams:
    """The open streams: a server that stops ends them, so that it need not wait for browsers."""

    def __init__(self) -> None:
        self._open: set[Changes] = set()

    @contextmanager
    def open(self, workspace: Workspace) -> Iterator[Changes]:
        """What changes in `workspace` from now on."""
        changes = Changes()
        end = workspace.listen(changes.add)
        self._open.add(changes)
        try:
            yield changes
        finally:
            self._open.discard(changes)
            end()

    def close(self) -> None:
        for changes in tuple(self._open):
            changes.close()
