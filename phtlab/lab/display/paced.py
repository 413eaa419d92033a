"""Calls that come faster than somebody can look: the first at once, then the latest at a pace."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Shown = TypeVar("Shown")


class Paced(Generic[Shown]):
    """Calls `show` with what it is called with, at most every `seconds`; what is newer replaces.

    The latest is always shown. Called from any thread.
    """

    def __init__(self, show: Callable[[Shown], None], seconds: float) -> None:
        self._show = show
        self._seconds = seconds
        self._changing = threading.Lock()
        self._timer: threading.Timer | None = None
        self._next: list[Shown] = []

    def __call__(self, value: Shown) -> None:
        with self._changing:
            if self._timer is not None:
                self._next = [value]
                return
            self._wait()
        self._show(value)

    def stop(self) -> None:
        """Show nothing that waits."""
        with self._changing:
            if self._timer is not None:
                self._timer.cancel()
            self._timer, self._next = None, []

    def _wait(self) -> None:
        self._timer = threading.Timer(self._seconds, self._over)
        self._timer.daemon = True
        self._timer.start()

    def _over(self) -> None:
        with self._changing:
            if self._timer is not threading.current_thread():
                return  # stopped meanwhile
            waiting, self._next, self._timer = self._next, [], None
            if waiting:
                self._wait()
        for value in waiting:
            self._show(value)
