"""Journeys that continue an earlier one: who may, after what, and what the next station gets."""

from __future__ import annotations

import pytest

from phtlab.errors import JourneyError, OrderError, RecordError
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.order import Continuation, Order
from phtlab.wire.api.journeys import EarlierJourney, JourneyView
from tests.central.world import World
from tests.raising import raises_code


def broken(central: World) -> tuple[JourneyView, Envelope]:
    """A journey that ended at its second stop, and the record of its first."""
    journey = central.journey("ulm", "mainz", "jena", route="sequential")
    first = central.record(journey, "ulm")
    central.client("ulm").put_record(journey.id, "ulm", first)
    failed = central.record(journey, "mainz", "failed", previous=first)
    central.client("mainz").put_record(journey.id, "mainz", failed)
    return journey, first


def continuing(
    central: World, journey: str, record: str, *stations: str, by: str = "ada"
) -> Envelope:
    def link(order: Order) -> Order:
        continues = Continuation(journey=journey, record=record)
        return order.model_copy(update={"continues": continues})

    return central.order(*(stations or ("mainz", "jena")), by=by, change=link, route="sequential")


def test_the_next_station_gets_the_journey_that_is_continued(central: World) -> None:
    journey, first = broken(central)
    ada, mainz = central.client("ada"), central.client("mainz")
    view = ada.submit_journey(continuing(central, journey.id, first.digest))
    (offer,) = mainz.inbox(wait=30).offers
    assert (offer.journey, offer.previous) == (view.id, ())
    assert offer.continued == (EarlierJourney(order=journey.order, records=(first,)),)

    second = central.record(view, "mainz", previous=first)
    mainz.put_record(view.id, "mainz", second)
    (last,) = central.client("jena").inbox(wait=30).offers
    assert (last.previous, last.continued) == ((second,), offer.continued)


def test_the_first_record_follows_the_stop_that_is_continued(central: World) -> None:
    journey, first = broken(central)
    view = central.client("ada").submit_journey(continuing(central, journey.id, first.digest))
    with raises_code(RecordError, "record-chain"):
        central.client("mainz").put_record(view.id, "mainz", central.record(view, "mainz"))


def test_a_journey_is_continued_once_and_its_continuation_too(central: World) -> None:
    journey, first = broken(central)
    ada = central.client("ada")
    view = ada.submit_journey(continuing(central, journey.id, first.digest))
    with raises_code(JourneyError, "journey-continued"):
        ada.submit_journey(continuing(central, journey.id, first.digest))
    with raises_code(JourneyError, "journey-unfinished"):
        ada.submit_journey(continuing(central, view.id, first.digest))
    failed = central.record(view, "mainz", "failed", previous=first)
    central.client("mainz").put_record(view.id, "mainz", failed)
    again = ada.submit_journey(continuing(central, view.id, first.digest))
    links = {one.id: one.continued_by for one in ada.journeys().journeys}
    assert links == {journey.id: view.id, view.id: again.id, again.id: None}
    assert ada.journey(journey.id).continued_by == view.id
    (offer,) = central.client("mainz").inbox(wait=30).offers
    assert offer.journey == again.id
    assert [earlier.records for earlier in offer.continued] == [(first,), ()]


def test_only_a_journey_that_has_ended_is_continued(central: World) -> None:
    journey = central.journey("ulm", "mainz", "jena", route="sequential")
    first = central.record(journey, "ulm")
    central.client("ulm").put_record(journey.id, "ulm", first)
    with raises_code(JourneyError, "journey-unfinished"):
        central.client("ada").submit_journey(continuing(central, journey.id, first.digest))


def test_an_unknown_journey_is_not_continued(central: World) -> None:
    _, first = broken(central)
    with raises_code(JourneyError, "journey-unknown"):
        central.client("ada").submit_journey(
            continuing(central, "sha256:" + "9" * 64, first.digest)
        )


@pytest.mark.parametrize("stations", [("jena",), ("jena", "mainz")])
def test_other_stations_than_those_that_remain_are_refused(
    central: World, stations: tuple[str, ...]
) -> None:
    journey, first = broken(central)
    with raises_code(OrderError, "order-continues"):
        central.client("ada").submit_journey(
            continuing(central, journey.id, first.digest, *stations)
        )


def test_a_refused_continuation_leaves_the_journey_to_be_continued(central: World) -> None:
    journey, first = broken(central)
    ada = central.client("ada")
    with raises_code(OrderError, "order-continues"):
        ada.submit_journey(continuing(central, journey.id, "sha256:" + "9" * 64))
    assert ada.submit_journey(continuing(central, journey.id, first.digest)).stops
