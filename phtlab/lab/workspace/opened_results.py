"""Cache of opened results of the last few journeys, so that they are not opened again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from phtlab.lab.results.results import Results

MOST: Final = 8


class OpenedResults:
    """A bounded cache. Of two threads that need the same journey, one opens it and one waits."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: OrderedDict[str, Results] = OrderedDict()
        self._opening: dict[str, threading.Lock] = {}
        self._changing = threading.Lock()
        self._age = 0

    def of(self, journey: str, open_it: Callable[[], Results]) -> Results:
        """Return the results of `journey`, opened with `open_it` if they are not cached."""
        with self._changing:
            mine = self._opening.setdefault(journey, threading.Lock())
        try:
            with mine:
                return self._kept_or(journey, open_it)
        finally:
            with self._changing:
                if not mine.locked():
                    self._opening.pop(journey, None)

    def forget(self) -> None:
        """Drop all results; their files are removed once nobody uses them."""
        with self._changing:
            self._age += 1
            self._kept.clear()

    def _kept_or(self, journey: str, open_it: Callable[[], Results]) -> Results:
        with self._changing:
            if journey in self._kept:
                self._kept.move_to_end(journey)
                return self._kept[journey]
            age = self._age
        results = open_it()
        with self._changing:
            if age == self._age:  # the key was not locked meanwhile
                self._kept[journey] = results
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)
        return results
