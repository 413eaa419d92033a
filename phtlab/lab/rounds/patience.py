"""Repetition of a request while central or the registry is away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from phtlab.errors import UnreachableError
from phtlab.rounds.received_rounds import RoundsSource
from phtlab.wire.api.journeys import JourneyView
from phtlab.wire.api.rounds import Instructions, Rounds

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


class PatientRounds:
    """What `central` shows of rounds, asked for as `patiently` does."""

    def __init__(self, central: RoundsSource, sleep: Callable[[float], None]) -> None:
        self._central = central
        self._sleep = sleep

    def journey(self, journey: str) -> JourneyView:
        return patiently(lambda: self._central.journey(journey), self._sleep)

    def instructions(self, journey: str, after: int, wait: float) -> Instructions:
        return patiently(lambda: self._central.instructions(journey, after, wait), self._sleep)

    def rounds(self, journey: str, after: int, wait: float, *, finishing: bool = False) -> Rounds:
        return patiently(
            lambda: self._central.rounds(journey, after, wait, finishing=finishing), self._sleep
        )
