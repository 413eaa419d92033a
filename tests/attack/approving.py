"""A station whose people approve, and whose engine is away: what may start there waits for it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, cast

from phtlab.errors import EngineMissingError
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.daemon.loop import Daemon
from phtlab.station.executor.contract import Executor
from phtlab.station.stops import stop_files
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.stop import Stop
from tests.attack.judging import JudgingStation
from tests.limits import LIMIT


class _Away:
    """An engine that does not answer: whatever starts waits for it."""

    def status(self, job_id: str) -> Any:
        raise EngineMissingError("The engine is away.")

    def remove(self, job_id: str) -> None:
        raise EngineMissingError("The engine is away.")

    def jobs(self) -> frozenset[str]:
        return frozenset()


class ApprovingStation(JudgingStation):
    """As `JudgingStation`, for what may start as well."""

    def __init__(self, opened: DaemonContext) -> None:
        super().__init__(opened)
        self.station = replace(self.station, executor=cast("Executor", _Away()))
        self.again()

    def again(self) -> None:
        """As after a restart."""
        self.daemon = Daemon(self.station)

    def settle(self, journey: str) -> Stop:
        """The stop of `journey` once it may start, waits for a person, or has ended."""
        stop = self.station.stops.stop(journey)
        end = time.monotonic() + LIMIT
        while not (stop.is_reported or stop.has(Marker.ADMITTED) or stop.state == "held"):
            assert time.monotonic() < end, f"{journey} is still {stop.state}"
            self.daemon.step()
            time.sleep(0.02)
        return stop

    def starts(self, journey: str) -> bool:
        """Whether `journey` may start without a person."""
        return self.hear(journey).has(Marker.ADMITTED)

    def why_not(self, journey: str) -> str:
        """The code with which its likeliest approval does not allow `journey`, which waits."""
        stop = self.hear(journey)
        assert stop.state == "held", f"it is {stop.state}"
        assert not stop.has(Marker.ADMITTED)
        return str(stop.read(stop_files.HELD).code)
