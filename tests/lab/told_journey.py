"""A journey as a test tells it: a central in this process, whose stops the test moves on."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

from phtlab.errors import CentralUnreachableError
from phtlab.lab.client.journey import Journey
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.manifest import Route
from phtlab.train.documents.order import Continuation, Order, OrderedRounds
from phtlab.train.documents.record import RecordedCargo, StopRecord
from phtlab.wire.api.journeys import JourneyEvent, JourneyView, StopView
from tests.limits import LIMIT

TRAIN = "sha256:" + 64 * "1"


@cache
def researcher() -> Identity:
    return Identity.generate("ada")


@cache
def _order(
    stations: tuple[str, ...],
    min_age: int,
    route: Route,
    continues: Continuation | None,
    rounds: OrderedRounds | None = None,
) -> tuple[Order, Any]:
    order = Order.new(
        TRAIN,
        stations,
        {"min_age": min_age},
        ("ada",),
        1,
        route=route,
        continues=continues,
        rounds=rounds,
        now=datetime.now(UTC),
    )
    return order, order.sign(researcher())


def view(
    min_age: int = 40,
    stations: tuple[str, ...] = ("cleveland",),
    name: str = "heart",
    route: Route = "parallel",
    continues: Continuation | None = None,
    rounds: OrderedRounds | None = None,
    **stop: Any,
) -> JourneyView:
    """A journey with every stop as `stop` says, running where it does not say."""
    order, signed = _order(stations, min_age, route, continues, rounds)
    values = {"state": "running", "updated": datetime.now(UTC), **stop}
    return JourneyView(
        id=signed.digest,
        train=TRAIN,
        train_name=name,
        researcher="ada",
        submitted=order.issued,
        expires=order.expires,
        order=signed,
        stops=tuple(
            StopView(station=station, number=number, **values)
            for number, station in enumerate(order.stops)
        ),
    )


SENT = RecordedCargo(
    kind="cargo", digest="sha256:" + 64 * "2", size=14_200, context="sha256:" + 64 * "3"
)


def recorded(journey: JourneyView, started: datetime, finished: datetime) -> StopView:
    """The first stop of `journey`, departed, with its signed record."""
    stop = journey.stops[0]
    record = StopRecord(
        journey=journey.id,
        train=journey.train,
        station=stop.station,
        stop=0,
        outcome="departed",
        cargos=(SENT,),
        roster_version=1,
        started=started,
        finished=finished,
    )
    signed = record.sign(researcher())
    return stop.model_copy(update={"state": "departed", "record": signed, "cell": None})


class Central:
    """Answers with `view`. What is put into `told` comes out of the stream of events."""

    def __init__(self, view: JourneyView) -> None:
        self.view = view
        self.told: queue.Queue[JourneyEvent | Exception | None] = queue.Queue()
        self.away = False
        self.cancelled = 0
        self._number = 0

    def journey(self, _: str) -> JourneyView:
        if self.away:
            raise CentralUnreachableError("Central at http://x does not answer.")
        return self.view

    def cancel(self, _: str) -> JourneyView:
        self.cancelled += 1
        self.view = self.view.model_copy(update={"cancelled": True})
        return self.view

    def events(self, _: str, after: int = 0, *, patience: float = 300) -> Iterator[JourneyEvent]:
        while (told := self.told.get(timeout=LIMIT)) is not None:
            if isinstance(told, Exception):
                raise told
            yield told

    def move(self, station: str, **changes: Any) -> None:
        """A stop moves on, and central tells of it; once all have ended, the stream ends."""
        stops = {stop.station: stop for stop in self.view.stops}
        changes = {"updated": datetime.now(UTC), **changes}
        stops[station] = stops[station].model_copy(update=changes)
        self.view = self.view.model_copy(update={"stops": tuple(stops.values())})
        self._number += 1
        event = JourneyEvent(number=self._number, journey=self.view.id, stop=stops[station])
        self.told.put(event)
        if self.view.done:
            self.told.put(None)

    def lose(self) -> None:
        """The connection breaks, and central stays away until `away` is False."""
        self.away = True
        self.told.put(CentralUnreachableError("Central at http://x does not answer."))


class Session:
    """A session with that central."""

    def __init__(self, central: Central) -> None:
        self.central = central


def told_journey(*stations: str, **stop: Any) -> tuple[Journey, Central]:
    central = Central(view(stations=stations or ("cleveland",), **stop))
    return Journey(Session(central), central.view), central  # type: ignore[arg-type]
