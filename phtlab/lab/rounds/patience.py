"""Repetition of a request while central or the registry is away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from phtlab.errors import UnreachableError

PATIENCE_SECONDS: Final = 300.0
PAUSES: Final = (0.5, 10.0)  # seconds before the second attempt, and at most
_Answer = TypeVar("_Answer")


def patiently(call: Callable[[], _Answer], sleep: Callable[[float], None]) -> _Answer:
    """Return what `call` returns; repeat it while it raises UnreachableError.

    Raises that error after PATIENCE_SECONDS.
    """
    waited, pause = 0.0, PAUSES[0]
    while True:
        try:
            return call()
        except UnreachableError:
            if waited >= PATIENCE_SECONDS:
                raise
        sleep(pause)
        waited, pause = waited + pause, min(2 * pause, PAUSES[1])
