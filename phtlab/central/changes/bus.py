"""News within central: a change wakes the requests that wait for it, in milliseconds.

News is only a hint to look again. Whoever waits looks at the database first, after
subscribing, and again when woken. A stream of events also looks by itself when a short time is
over, and for the stations `DatabaseWatch` does: so a lost hint costs seconds, never a message.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


def of_station(name: str) -> str:
    """The topic that wakes a station's inbox."""
    return f"station:{name}"


def of_member(name: str) -> str:
    """The topic that wakes a member's stream of events."""
    return f"member:{name}"


STATIONS = "stations"
"""The topic that wakes whoever shows the stations."""


class Subscription:
    """One waiting request. `wait` may be called again and again."""

    def __init__(self, changes: ChangeBus, *, inside: bool = False) -> None:
        self.inside = inside
        self._bus = changes
        self._event = asyncio.Event()

    async def wait(self, seconds: float) -> bool:
        """Wait for news for at most `seconds`; whether there was any."""
        if self._bus.closed:
            return False
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True

    def wake(self) -> None:
        self._event.set()


class ChangeBus:
    """Who waits for what. `tell` may be called from any thread, the rest on the loop only."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[Subscription]] = defaultdict(set)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._stations_serial = 0
        self.closed = False

    def open(self) -> None:
        """Begin, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self.closed = False

    def close(self) -> None:
        """Release everyone who waits, for the shutdown."""
        self.closed = True
        self._wake_all()

    @property
    def waiting(self) -> int:
        """How many requests wait now. May be asked from any thread."""
        # Copied by single operations of C: others may come and go meanwhile.
        all_of_them: set[Subscription] = set().union(*tuple(self._waiting.values()))
        return sum(not subscription.inside for subscription in all_of_them)

    @property
    def stations_serial(self) -> int:
        """Another number each time that something about the stations was told here."""
        return self._stations_serial

    @contextmanager
    def subscribe(self, *topics: str, inside: bool = False) -> Iterator[Subscription]:
        """Hear of `topics`. A chore of central's own is `inside`, and no request."""
        subscription = Subscription(self, inside=inside)
        for topic in topics:
            self._waiting[topic].add(subscription)
        try:
            yield subscription
        finally:
            for topic in topics:
                self._waiting[topic].discard(subscription)
                if not self._waiting[topic]:
                    del self._waiting[topic]

    def notify(self, topics: Iterable[str]) -> None:
        """Wake whoever waits for one of `topics`."""
        published = tuple(topics)
        with self._lock:
            loop = self._loop
            self._stations_serial += STATIONS in published
        if loop is None or loop.is_closed() or not published:
            return
        loop.call_soon_threadsafe(self._wake, published)

    def notify_all(self) -> None:
        """Wake whoever waits for anything. May be called from any thread."""
        with self._lock:
            loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._wake_all)

    def _wake_all(self) -> None:
        self._wake(tuple(self._waiting))

    def _wake(self, topics: tuple[str, ...]) -> None:
        for topic in topics:
            for subscription in self._waiting.get(topic, ()):
                subscription.wake()
