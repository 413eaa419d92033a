"""One journey, followed in a thread of its own, through lost connections, until it is done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from phtlab.errors import CentralUnreachableError, PhtlabError
from phtlab.wire.api.journeys import JourneyEvent, JourneyView

PAUSES: Final = (0.5, 10.0)  # seconds before the first new attempt, and at most


@dataclass(frozen=True)
class Followed:
    """What is followed, as a `phtlab.lab.Journey` hands it over.

    `fetch` queries central; `apply` applies an event and gives the state after it; `events` gives
    those after a number, and raises CentralUnreachableError as soon as the connection breaks.
    """

    fetch: Callable[[], JourneyView]
    apply: Callable[[JourneyEvent], JourneyView]
    events: Callable[[int], Iterator[JourneyEvent]]


class Listener(Protocol):
    """Who is told. Called in the follower's thread."""

    def updated(self, view: JourneyView) -> None:
        """How the journey stands."""

    def lost(self, sentence: str) -> None:
        """Central does not answer, and is queried again; `updated` follows once it answers."""

    def ended(self, sentence: str) -> None:
        """Nothing more will come. `sentence` says why, where that is not the journey's end."""


class JourneyFollower:
    """Follows a journey from `start()` until its end, an error that stays, or `stop()`."""

    def __init__(self, journey: Followed, listener: Listener, name: str = "") -> None:
        self._journey = journey
        self._listener = listener
        self._stopped = threading.Event()
        # A daemon: a kernel that shuts down waits for no journey.
        self._thread = threading.Thread(
            target=self._run, name=f"phtlab-journey-{name}".rstrip("-"), daemon=True
        )

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Tell nothing more, and end. One that waits for central ends with its next word."""
        self._stopped.set()

    def join(self, timeout: float | None = None) -> None:
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _run(self) -> None:
        seen, pause = 0, PAUSES[0]
        while not self._stopped.is_set():
            try:
                view = self._journey.fetch()
                if self._report(view):
                    return
                for event in self._journey.events(seen):
                    if self._stopped.is_set():
                        return
                    seen, pause = event.number, PAUSES[0]
                    self._listener.updated(self._journey.apply(event))
                # The stream is over: a last look also brings the records.
                if self._stopped.is_set() or self._report(self._journey.fetch()):
                    return
            except CentralUnreachableError as lost:
                if not self._stopped.is_set():
                    self._listener.lost(str(lost))
            except PhtlabError as error:
                if not self._stopped.is_set():
                    self._listener.ended(str(error))
                return
            self._stopped.wait(pause)
            pause = min(2 * pause, PAUSES[1])

    def _report(self, view: JourneyView) -> bool:
        """Pass `view` on; whether that was the last."""
        if self._stopped.is_set():
            return True
        self._listener.updated(view)
        if view.done:
            self._listener.ended("")
        return view.done
