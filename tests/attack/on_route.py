"""A sequential route at a real central, which lies to one of its stations where a test says so.

Hungary and basel are stations by hand; cleveland, whose daemon the test drives, asks central
through a liar. Only its sandbox and the registry are made up.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import jwt

from phtlab.central.founding import Founded
from phtlab.consortium.consortium import Consortium
from phtlab.lab import Journey, Lab
from phtlab.lab.session.session import Session
from phtlab.station.stops.marker import Marker
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.order import Continuation
from phtlab.train.documents.record import StopRecord
from phtlab.wire.api.journeys import EarlierJourney, Offer
from phtlab.wire.central.client import CentralClient
from tests.attack.liar import Liar, saying_json
from tests.attack.real_central import Consort, connected, consort_of
from tests.station.pipeline.sequential_route import Route, make_route
from tests.station.station_world import FakeRun, World, identity, make_world

STATIONS = ("hungary", "basel", "cleveland")


@dataclass
class OnRoute:
    """The real central of three stations, the liar before it, and the route of its journeys."""

    consort: Consort
    liar: Liar
    route: Route

    @property
    def world(self) -> World:
        return self.route.world

    def order(self, *stations: str, **changes: Any) -> Offer:
        """A journey of ada's that central has taken, as central would offer it at first."""
        ada, offer = self.consort.lab.central, self.route.order(*stations, **changes)
        ada.submit_train(offer.train)
        assert ada.submit_journey(offer.order).id == offer.journey
        return offer

    def depart(
        self, offer: Offer, station: str, previous: Envelope | None = None, **changes: Any
    ) -> Envelope:
        """Have `station` hand on and put its record; central takes it."""
        record = self.route.departed(offer, station, previous=previous, **changes)
        self.consort.client(station).put_record(offer.journey, station, record)
        return record

    def fail(self, offer: Offer, station: str, previous: Envelope | None = None) -> Envelope:
        """Have `station` put the record of a failed stop; central takes it."""
        record = self.route.failed(offer, station, previous)
        self.consort.client(station).put_record(offer.journey, station, record)
        return record

    def offered(self, offer: Offer) -> Offer:
        """What central truly offers cleveland of this journey."""
        inbox = self.consort.client("cleveland").inbox().offers
        (found,) = (one for one in inbox if one.journey == offer.journey)
        return found

    def record_for(self, offer: Offer) -> StopRecord:
        """The record that cleveland signs when its inbox holds `offer`, whatever is true."""

        def only(inbox: Any) -> Any:
            return inbox | {"offers": [offer.model_dump(mode="json")]}

        with self.liar.lying("GET", "^/api/v1/inbox", saying_json(only)) as lying:
            (told,) = cast(CentralClient, self.world.central).inbox().offers
        assert lying.told == 1
        return self.route.end(told)

    def code(self, offer: Offer) -> str:
        """The code with which cleveland refuses `offer`: nothing ran, nothing of it is kept."""
        ran = len(self.world.scripted.started)
        record = self.record_for(offer)
        assert record.outcome == "refused"
        assert len(self.world.scripted.started) == ran
        assert self.route.left(offer) == []
        assert record.cargos == ()
        return record.code

    def runs(self, offer: Offer) -> StopRecord:
        """The record of cleveland's stop, which central has taken, of what it truly offers."""
        record = self.route.end(self.offered(offer))
        stop = self.world.stop(offer)
        self.consort.client("cleveland").put_record(offer.journey, "cleveland", stop.record())
        assert stop.has(Marker.RECORD)
        return record

    def runs_into_failure(self, offer: Offer) -> Envelope:
        """The record of cleveland's stop, at which a cell fails; central has taken it."""
        script = self.world.scripted.script
        self.world.scripted.script = FakeRun("cell-failed")
        record = self.runs(offer)
        self.world.scripted.script = script
        assert record.outcome == "failed"
        return self.world.stop(offer).record()

    @contextmanager
    def deceived(self) -> Iterator[Lab]:
        """The lab of ada, who asks the liar."""
        session = self.consort.lab.session
        with CentralClient(self.liar.url, identity("ada")) as central:
            yield Lab(Session(session.identity, central, session.trust))

    def granted(self, name: str, repository: str) -> list[str]:
        """What the registry's token lets `name` do there."""
        token = self.consort.client(name).registry_token([f"repository:{repository}:pull,push"])
        claims = jwt.decode(token, options={"verify_signature": False})
        return next((a["actions"] for a in claims["access"] if a["name"] == repository), [])

    def journey(self, offer: Offer) -> Journey:
        """The journey as ada sees it."""
        return self.consort.lab.journey(offer.journey)


def continuing(offer: Offer, record: Envelope) -> dict[str, Any]:
    """The field of an order that continues the journey of `offer` after `record`."""
    link = Continuation(journey=offer.journey, record=record.digest)
    return {"continues": link.model_dump(mode="json")}


def earlier(offer: Offer, *records: Envelope) -> EarlierJourney:
    return EarlierJourney(order=offer.order, records=records)


@contextmanager
def on_route(founded: tuple[Founded, Consortium], place: Path) -> Iterator[OnRoute]:
    """A central of its own of the consortium `founded`, and a station in `place`."""
    with consort_of(founded, place) as consort:
        liar = Liar(consort.url)
        try:
            world = connected(make_world(place / "first", inbox_wait=1), consort)
            world.add_hearts()
            asking = CentralClient(liar.url, identity("cleveland"))
            world.central = cast(Any, consort.closing.enter_context(asking))
            yield OnRoute(consort, liar, make_route(world))
        finally:
            liar.close()
