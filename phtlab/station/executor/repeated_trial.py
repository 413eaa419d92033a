"""Trials made again: one that was cut off, and one in which a limit did not hold."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from phtlab.errors import TrialUnfinishedError
from phtlab.station.executor.contract import CheckResult
from phtlab.station.executor.sandbox_trial import refusal, trial_crashed
from phtlab.station.retry_delays import Backoff

Found = TypeVar("Found")

_TRIES = 3
"""Of one trial, within a call."""
_PAUSE = 0.5


def confirmed(trial: Callable[[], tuple[CheckResult, ...]]) -> tuple[CheckResult, ...]:
    """What `trial` found; of a second one, if a limit did not hold in the first.

    A limit that is not enforced is not enforced the second time either. A runtime that goes
    down at the same limit each time does not hold it. Raises TrialUnfinishedError if a trial
    was cut off as often as it is tried.
    """
    limits: list[str] = []

    def once() -> tuple[CheckResult, ...]:
        try:
            return trial()
        except TrialUnfinishedError as error:
            limits.append(error.limit)
            raise

    try:
        found = until_finished(once)
        return until_finished(once) if refusal(found) else found
    except TrialUnfinishedError:
        if len(limits) >= _TRIES and limits[0] and len(set(limits)) == 1:
            return trial_crashed(limits[0])
        raise


def until_finished(trial: Callable[[], Found]) -> Found:
    """Return the result of `trial`; retry an interrupted one after a pause, up to `_TRIES` times.

    Raises TrialUnfinishedError if every attempt was interrupted.
    """
    pauses = Backoff(first=_PAUSE)
    while True:
        try:
            return trial()
        except TrialUnfinishedError:
            seconds = pauses.failed("trial", time.monotonic())
            if pauses.tries("trial") == _TRIES:
                raise
            time.sleep(seconds)
