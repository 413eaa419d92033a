"""Change notices within central: a change wakes the requests that wait for it, in milliseconds.

A notice is only a hint to read the database again. A request reads it first, after subscribing,
and again when woken. A stream of events also polls after a short time, and `DatabaseWatch` polls
for the stations: so a lost notice costs seconds, never a message.
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


def of_rounds(journey: str) -> str:
    """The topic that wakes the requests that wait for records of a journey's rounds."""
    return f"rounds:{journey}"


def of_instructions(journey: str) -> str:
    """The topic that wakes the requests that wait for a journey's next instruction."""
    return f"instructions:{journey}"


STATIONS = "stations"
"""The topic that wakes the requests that show the stations."""


class Subscription:
    """One waiting request. `wait` may be called repeatedly."""

    def __init__(self, changes: ChangeBus, *, inside: bool = False) -> None:
        self.inside = inside
        self._bus = changes
        self._event = asyncio.Event()

    async def wait(self, seconds: float) -> bool:
        """Wait at most `seconds` for a notice; return whether there was one."""
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
    """Subscriptions by topic, and the notices that wake them.

    `notify`, `notify_all`, `waiting` work from any thread, the rest on the event loop only.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, set[Subscription]] = defaultdict(set)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._stations_serial = 0
        self.closed = False

    def open(self) -> None:
        """Start on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self.closed = False

    def close(self) -> None:
        """Wake all waiting requests, for the shutdown."""
        self.closed = True
        self._wake_all()

    @property
    def waiting(self) -> int:
        """Number of requests that wait now. May be called from any thread."""
        # Each copy is one C operation: the loop may change the sets meanwhile.
        all_of_them: set[Subscription] = set().union(*tuple(self._waiting.values()))
        return sum(not subscription.inside for subscription in all_of_them)

    @property
    def stations_serial(self) -> int:
        """A number that grows with each notice about the stations in this process."""
        return self._stations_serial

    @contextmanager
    def subscribe(self, *topics: str, inside: bool = False) -> Iterator[Subscription]:
        """Subscribe to `topics`. `inside` marks a background task of central, not a request."""
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
        """Wake the requests that wait for one of `topics`. May be called from any thread."""
        published = tuple(topics)
        with self._lock:
            loop = self._loop
            self._stations_serial += STATIONS in published
        if loop is None or loop.is_closed() or not published:
            return
        loop.call_soon_threadsafe(self._wake, published)

    def notify_all(self) -> None:
        """Wake all waiting requests. May be called from any thread."""
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
