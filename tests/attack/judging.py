"""A station whose daemon the test drives: it judges what it is offered, and runs nothing.

Its folder, keys, trust and connections are a real station's; its policy has a person decide. So an
honest order ends `held`, and whatever is wrong with one is told before any container is made.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from phtlab.clock import utc_now
from phtlab.lab import Journey, Lab
from phtlab.lab.client.train import Train
from phtlab.station.context.daemon_context import (
    DaemonContext,
)
from phtlab.station.daemon.loop import Daemon
from phtlab.station.executor.contract import Executor
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.stop import Stop
from phtlab.train.documents.order import Order
from phtlab.train.documents.record import StopRecord
from phtlab.wire.registry.trains import push_train
from tests.limits import LIMIT

# More than the longest wait between two tries of a stop (phtlab.station.retry_delays).
_NEXT_TRY = timedelta(seconds=61)


class _Nothing:
    """No executor: a stop that asked for a run would end as this station's own fault."""


class JudgingStation:
    """The daemon of `opened`, one step after the other."""

    def __init__(self, opened: DaemonContext) -> None:
        self._ahead = timedelta()
        self.station = replace(
            opened, executor=cast("Executor", _Nothing()), now=lambda: utc_now() + self._ahead
        )
        self.daemon = Daemon(self.station)

    @property
    def now(self) -> datetime:
        return self.station.now()

    def hear(self, journey: str) -> Stop:
        """Ask for the inbox, take in what it holds of `journey`, and come to a judgement."""
        offers = self.station.central.inbox(0, 0).offers
        for offer in offers:
            if offer.journey == journey:
                self.daemon.receive(offer)
        return self.settle(journey)

    def settle(self, journey: str) -> Stop:
        """The stop of `journey` once it has ended or is held; waits between tries are skipped."""
        stop = self.station.stops.stop(journey)
        end = time.monotonic() + LIMIT
        while not (stop.is_reported or stop.state == "held"):
            assert time.monotonic() < end, f"{journey} is still {stop.state}"
            if not self.daemon.step():
                self._ahead += _NEXT_TRY
                time.sleep(0.02)
        return stop

    def record(self, journey: str) -> StopRecord:
        """What this station signed of `journey`, after it has heard of it."""
        stop = self.hear(journey)
        assert stop.has(Marker.RECORD), f"it is {stop.state}"
        return stop.final_record()

    def holds(self, journey: str) -> bool:
        """Whether it finds nothing wrong with `journey`: a person is asked."""
        return self.hear(journey).state == "held"


def sign_and_offer(lab: Lab, train: Train, stations: tuple[str, ...], /, **changes: Any) -> Journey:
    """An order of `train` as a changed client would send it: `changes` are fields of the order."""
    push_train(lab.registry, train.image, train.repository, train.kernel)
    lab.central.submit_train(train.sign())
    order = Order.new(
        train.digest,
        stations,
        {},
        (lab.name,),
        lab.trusted.roster.version,
        route=train.manifest.route,
        now=datetime.now(UTC),
    ).model_copy(update=changes)
    return Journey(lab.session, lab.central.submit_journey(order.sign(lab.identity)))
