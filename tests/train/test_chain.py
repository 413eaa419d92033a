"""A sequential route: whose turn it is, and how a journey continues an earlier one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from phtlab.errors import NotOnRosterError, OrderError, OrderStationError, RecordError
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.manifest import Train
from phtlab.train.documents.order import Continuation, Order
from phtlab.train.documents.roster import Roster
from phtlab.train.verify import (
    SignedJourney,
    verify_continuation,
    verify_order,
    verify_records,
    verify_train,
    verify_turn,
)
from tests.raising import raises_code
from tests.train.conftest import NOW, Documents, member

ROUTE = ("cleveland", "zurich", "basel")
HANDED_ON = "sha256:" + "c" * 64
OTHER = "sha256:" + "d" * 64
LATER = NOW + timedelta(minutes=3)


@dataclass
class Trip:
    """A signed journey, and records of its stops as each follows the one before."""

    documents: Documents
    order: Order
    envelope: Envelope

    @property
    def journey(self) -> str:
        return self.envelope.digest

    def record(self, station: str, previous: Envelope | None = None, **changes: Any) -> Envelope:
        follows: dict[str, Any] = (
            {} if previous is None else {"previous": previous.digest, "received": HANDED_ON}
        )
        return self.documents.record(self.journey, self.order, station, **(follows | changes))

    def failed(self, station: str, previous: Envelope | None = None) -> Envelope:
        return self.record(
            station, previous, outcome="failed", code="cell-failed", cargos=(), received=None
        )


@pytest.fixture
def people(people: dict[str, Identity]) -> dict[str, Identity]:
    people.setdefault("basel", Identity.generate("basel"))
    return people


@pytest.fixture
def roster(roster: Roster, people: dict[str, Identity]) -> Roster:
    """Three stations."""
    members = (*roster.members, member(people["basel"], "station"))
    return roster.model_copy(update={"members": members})


@pytest.fixture
def train(documents: Documents, roster: Roster) -> Train:
    return verify_train(documents.train(route="sequential"), roster)


def trip(documents: Documents, *stations: str, **changes: object) -> Trip:
    order = documents.order_value(route="sequential", stations=stations or ROUTE, **changes)
    return Trip(documents, order, order.sign(documents.people["mara"]))


def turn(
    made: Trip, station: str, train: Train, roster: Roster, *before: Envelope, **more: Any
) -> Any:
    return verify_turn(
        made.order,
        journey=made.journey,
        station=station,
        train=train,
        roster=roster,
        records=before,
        **({"now": LATER} | more),
    )


def test_the_first_station_has_its_turn_and_receives_nothing(
    documents: Documents, train: Train, roster: Roster
) -> None:
    assert turn(trip(documents), "cleveland", train, roster) is None


def test_the_last_station_gets_the_stop_that_hands_on_to_it(
    documents: Documents, train: Train, roster: Roster
) -> None:
    made = trip(documents)
    first = made.record("cleveland")
    second = made.record("zurich", first)
    before = turn(made, "basel", train, roster, first, second)
    assert (before.record.station, before.envelope) == ("zurich", second)
    cargo = before.record.cargo_of("next")
    assert cargo is not None
    assert cargo.digest == HANDED_ON


def test_every_turn_of_a_parallel_route_is_now(documents: Documents, roster: Roster) -> None:
    train = verify_train(documents.train(), roster)
    order = documents.order_value()
    turn_of_zurich = verify_turn(
        order,
        journey=OTHER,
        station="zurich",
        train=train,
        roster=roster,
        now=LATER,
        records=(),
    )
    assert turn_of_zurich is None


def test_a_stop_left_out_refused(documents: Documents, train: Train, roster: Roster) -> None:
    made = trip(documents)
    first = made.record("cleveland")
    second = made.record("zurich", first)
    for records in ((), (first,), (second,)):
        with raises_code(OrderStationError, "order-turn"):
            turn(made, "basel", train, roster, *records)


def test_stops_out_of_order_or_repeated_refused(
    documents: Documents, train: Train, roster: Roster
) -> None:
    made = trip(documents)
    first = made.record("cleveland")
    second = made.record("zurich", first)
    for records in ((second, first), (first, first)):
        with raises_code(RecordError, "record-signer"):
            turn(made, "basel", train, roster, *records)


def test_a_stop_that_follows_another_record_refused(
    documents: Documents, train: Train, roster: Roster
) -> None:
    made = trip(documents)
    first = made.record("cleveland")
    again = made.record("cleveland", roster_version=4, sentence="Another one.")
    with raises_code(RecordError, "record-chain"):
        turn(made, "basel", train, roster, again, made.record("zurich", first))


def test_a_stop_of_another_journey_refused(
    documents: Documents, train: Train, roster: Roster
) -> None:
    made, other = trip(documents), trip(documents)
    with raises_code(RecordError, "record-journey"):
        turn(made, "zurich", train, roster, other.record("cleveland"))


def test_no_turn_after_a_stop_that_failed(
    documents: Documents, train: Train, roster: Roster
) -> None:
    made = trip(documents)
    with raises_code(OrderStationError, "order-ended"):
        turn(made, "zurich", train, roster, made.failed("cleveland"))


def test_a_stop_that_ended_in_the_future_refused(
    documents: Documents, train: Train, roster: Roster
) -> None:
    """Its time decides whether a restored station may have gone on from it before."""
    made = trip(documents)
    first = made.record("cleveland", finished=LATER + timedelta(days=1))
    with raises_code(RecordError, "record-future"):
        turn(made, "zurich", train, roster, first)


def test_results_after_a_stop_that_failed_refused(
    documents: Documents, train: Train, roster: Roster
) -> None:
    """A station runs although the journey ended before it, and a central helps it."""
    made = trip(documents)
    first = made.record("cleveland")
    failed = made.failed("zurich", first)
    third = made.record("basel", failed, received=None)
    with raises_code(RecordError, "record-chain"):
        verify_records(
            {"cleveland": first, "zurich": failed, "basel": third},
            journey=made.journey,
            order=made.order,
            roster=roster,
        )


def test_a_stop_of_no_rounds_has_cargo(documents: Documents, roster: Roster) -> None:
    order = documents.order_value()
    journey = order.sign(documents.people["mara"]).digest
    record = documents.record(journey, order, cargos=(), rounds={"count": 3})
    with raises_code(RecordError, "record-cargo"):
        verify_records({"cleveland": record}, journey=journey, order=order, roster=roster)


def test_a_stop_of_a_removed_member_refused(
    documents: Documents, train: Train, roster: Roster
) -> None:
    made = trip(documents)
    first = made.record("cleveland")
    with raises_code(NotOnRosterError, "order-station-unknown"):
        turn(made, "zurich", train, roster.without("cleveland", until=4), first)
    with raises_code(NotOnRosterError, "not-on-roster"):
        turn(made, "zurich", train, roster.without("cleveland", until=0), first)


def test_a_stop_that_received_other_cargo_refused(
    documents: Documents, train: Train, roster: Roster
) -> None:
    made = trip(documents)
    first = made.record("cleveland")
    for received in (OTHER, None):
        second = made.record("zurich", first, received=received)
        with raises_code(RecordError, "record-received"):
            turn(made, "basel", train, roster, first, second)
        with raises_code(RecordError, "record-received"):
            verify_records(
                {"cleveland": first, "zurich": second},
                journey=made.journey,
                order=made.order,
                roster=roster,
            )


def test_a_stop_before_the_last_must_hand_on(
    documents: Documents, train: Train, roster: Roster
) -> None:
    made = trip(documents)
    results = documents.cargo(made.journey, trip(documents, "cleveland").order)
    with raises_code(RecordError, "record-cargo"):
        turn(made, "zurich", train, roster, made.record("cleveland", cargos=(results,)))


def test_the_last_stop_hands_nothing_on(documents: Documents, roster: Roster) -> None:
    made = trip(documents, "cleveland")
    cargo = documents.cargo(made.journey, made.order, kind="next")
    with raises_code(RecordError, "record-cargo"):
        verify_records(
            {"cleveland": made.record("cleveland", cargos=(cargo,))},
            journey=made.journey,
            order=made.order,
            roster=roster,
        )


# Continuations


@dataclass
class Broken:
    """A journey that ended at its second stop, and the order that continues it."""

    ended: Trip
    records: tuple[Envelope, ...]
    going_on: Trip

    @property
    def continued(self) -> SignedJourney:
        return SignedJourney(self.ended.envelope, self.records)


def broken(documents: Documents, **changes: object) -> Broken:
    ended = trip(documents)
    first = ended.record("cleveland")
    link = Continuation(journey=ended.journey, record=first.digest).model_dump()
    going_on = trip(documents, "zurich", "basel", **({"continues": link} | changes))
    return Broken(ended, (first,), going_on)


def test_a_journey_goes_on_after_its_last_departed_stop(
    documents: Documents, train: Train, roster: Roster
) -> None:
    made = broken(documents)
    before = turn(made.going_on, "zurich", train, roster, continued=(made.continued,))
    assert (before.journey, before.envelope) == (made.ended.journey, made.records[0])

    second = made.going_on.record("zurich", made.records[0])
    before = turn(made.going_on, "basel", train, roster, second, continued=(made.continued,))
    assert before.envelope == second
    third = made.going_on.record("basel", second)
    (last,) = verify_continuation(
        made.going_on.order, train=train, roster=roster, continued=(made.continued,)
    )
    whole = verify_records(
        {"zurich": second, "basel": third},
        journey=made.going_on.journey,
        order=made.going_on.order,
        roster=roster,
        before=last,
    )
    assert list(whole) == ["zurich", "basel"]


def test_a_journey_in_which_no_stop_departed_is_continued_too(
    documents: Documents, train: Train, roster: Roster
) -> None:
    made = broken(documents)
    link = Continuation(journey=made.going_on.journey, record=made.records[0].digest)
    third = trip(documents, "zurich", "basel", continues=link.model_dump())
    between = SignedJourney(made.going_on.envelope, ())
    before = turn(third, "zurich", train, roster, continued=(made.continued, between))
    assert before.envelope == made.records[0]
    with raises_code(OrderError, "order-continues"):
        turn(third, "zurich", train, roster, continued=(between,))


def test_records_of_a_continuing_journey_follow_the_one_that_it_continues(
    documents: Documents, train: Train, roster: Roster
) -> None:
    made = broken(documents)
    second = made.going_on.record("zurich")
    with raises_code(RecordError, "record-chain"):
        turn(made.going_on, "basel", train, roster, second, continued=(made.continued,))


@pytest.mark.parametrize(
    "changes",
    [
        {"stations": ("basel",)},
        {"stations": ("basel", "zurich")},
        {"stations": ("cleveland", "zurich", "basel")},
        {"parameters": {"min_age": 41}},
        {"recipients": ("mara", "nils")},
        {"continues": {"journey": OTHER, "record": OTHER}},
        {"continues": None},
    ],
    ids=str,
)
def test_an_order_that_does_not_go_on_where_its_journey_ended_refused(
    documents: Documents, train: Train, roster: Roster, changes: dict[str, Any]
) -> None:
    made = broken(documents, **{k: v for k, v in changes.items() if k != "stations"})
    going_on = made.going_on
    if "stations" in changes:
        order = Order.model_validate(going_on.order.model_dump() | changes)
        going_on = Trip(documents, order, order.sign(documents.people["mara"]))
    with raises_code(OrderError, "order-continues"):
        turn(going_on, going_on.order.stations[0], train, roster, continued=(made.continued,))


def test_a_record_that_is_not_the_last_departed_refused(
    documents: Documents, train: Train, roster: Roster
) -> None:
    """The chain is cut after it was seen: a stop that departed since is left out."""
    ended = trip(documents)
    first = ended.record("cleveland")
    second = ended.record("zurich", first)
    link = Continuation(journey=ended.journey, record=second.digest).model_dump()
    cut = trip(documents, "basel", continues=link)
    shown = SignedJourney(ended.envelope, (first,))
    with raises_code(OrderError, "order-continues"):
        turn(cut, "basel", train, roster, continued=(shown,))


def test_a_journey_that_is_missing_is_not_passed_over(
    documents: Documents, train: Train, roster: Roster
) -> None:
    made = broken(documents)
    with raises_code(OrderError, "order-continues"):
        turn(made.going_on, "zurich", train, roster)


def test_a_continuing_order_of_another_route_refused(documents: Documents, roster: Roster) -> None:
    link = Continuation(journey=OTHER, record=OTHER).model_dump()
    order = documents.order_value().model_dump() | {"continues": link}
    with pytest.raises(ValidationError):
        Order.model_validate(order)


def test_the_order_itself_is_verified_as_any_other(
    documents: Documents, train: Train, roster: Roster, now: Any
) -> None:
    made = broken(documents).going_on
    found = verify_order(
        made.envelope, roster, train=train, station="zurich", now=now, seen=frozenset()
    )
    assert found == made.order
