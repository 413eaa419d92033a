"""Delay of the next login after wrong passwords."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Throttle:
    """After `free` failures of one key, each next try waits longer: 2, 4, 8 … `longest` seconds.

    `entries` is the most keys to remember.
    """

    free: int = 5
    longest: float = 300.0
    entries: int = 10_000
    clock: Callable[[], float] = time.monotonic
    _failures: OrderedDict[tuple[str, ...], tuple[int, float]] = field(default_factory=OrderedDict)

    def wait(self, *key: str) -> float:
        """Return the seconds until the next try is allowed; 0: now."""
        failures, last = self._failures.get(key, (0, 0.0))
        if failures < self.free:
            return 0.0
        # A float has no 2**1024, so the exponent is limited.
        pause = min(self.longest, 2.0 ** min(failures - self.free + 1, 64))
        return max(0.0, last + pause - self.clock())

    def failed(self, *key: str) -> None:
        failures, _ = self._failures.pop(key, (0, 0.0))
        self._failures[key] = failures + 1, self.clock()
        while len(self._failures) > self.entries:
            self._failures.popitem(last=False)

    def passed(self, *key: str) -> None:
        self._failures.pop(key, None)


@dataclass
class LoginThrottle:
    """Two counters: of an account from one address, and of an account from anywhere.

    The second slows whoever guesses from many addresses to one try in half a minute. It must not
    lock an account's owner out, so it is looser, ends soon, does not grow by refused tries, and
    does not apply to addresses from which the account has logged in since the hub started: for
    those, only the first counts. From a new address, the owner waits half a minute at a time, and
    only as long as somebody keeps guessing. Names without an account are counted in the same way,
    so that a delay does not reveal which accounts exist.
    """

    clock: Callable[[], float] = time.monotonic
    entries: int = 10_000
    by_account_here: Throttle = field(init=False)
    anywhere: Throttle = field(init=False)
    _at_home: OrderedDict[tuple[str, str], None] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        self.by_account_here = Throttle(5, 300.0, self.entries, self.clock)
        self.anywhere = Throttle(20, 30.0, self.entries, self.clock)

    def wait(self, name: str, address: str) -> float:
        """Return the seconds until the next try is allowed; 0: now."""
        throttle = self.by_account_here.wait(name, address)
        return (
            throttle
            if (name, address) in self._at_home
            else max(throttle, self.anywhere.wait(name))
        )

    def failed(self, name: str, address: str) -> None:
        self.by_account_here.failed(name, address)
        self.anywhere.failed(name)

    def passed(self, name: str, address: str) -> None:
        self.by_account_here.passed(name, address)
        self.anywhere.passed(name)
        self._at_home[name, address] = None
        self._at_home.move_to_end((name, address))
        while len(self._at_home) > self.entries:
            self._at_home.popitem(last=False)
